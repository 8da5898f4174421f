//! A disk that hangs and fails: a file system in user space, spoken by hand (the kernel's `linux/fuse.h`).

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use swill_exhaustion::Result;

/// The file that is read as any other.
pub(crate) const FINE: &str = "fine.txt";
/// The file whose bytes never come.
pub(crate) const HANGS: &str = "hangs.bin";
/// The file of which only so much can be read.
pub(crate) const FAILS: &str = "fails.bin";
pub(crate) const FAILS_AT: u64 = 256 << 10;
/// Bytes of all files but the fine one.
pub(crate) const SIZE: u64 = 1 << 20;
/// The name that is never found, nor not found.
pub(crate) const NAME_HANGS: &str = "nobody-knows.txt";

const CONTENT: &[u8] = b"fine";

/// A folder on such a disk. What hangs fails when it is dropped.
pub(crate) struct Disk {
    pub(crate) folder: PathBuf,
    over: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl Disk {
    /// Mounts it.
    ///
    /// # Errors
    ///
    /// The machine has no file systems in user space, or we may not mount: a reason to skip.
    pub(crate) fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("swill-disk-{}", std::process::id()));
        let device =
            OpenOptions::new().read(true).write(true).custom_flags(nix::libc::O_NONBLOCK).open("/dev/fuse");
        let device = device.map_err(|error| format!("/dev/fuse cannot be opened: {error}"))?;
        fs::create_dir_all(&folder)?;
        let data = format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", device.as_raw_fd());
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        if let Err(error) = mount(Some("swill"), &folder, Some("fuse"), flags, Some(data.as_str())) {
            let _ = fs::remove_dir(&folder);
            return Err(format!("no file system in user space can be mounted: {error}").into());
        }
        let over = Arc::<AtomicBool>::default();
        let told = Arc::clone(&over);
        let serving = Some(thread::spawn(move || serve(device, &told)));
        Ok(Self { folder, over, serving })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // With the device, everything ends that waits for it.
        let _ = self.serving.take().map(JoinHandle::join);
        let _ = umount2(&self.folder, MntFlags::MNT_DETACH);
        let _ = fs::remove_dir(&self.folder);
    }
}

fn serve(mut device: File, over: &AtomicBool) {
    let mut buffer = vec![0; 256 << 10];
    while !over.load(Ordering::Relaxed) {
        let bytes = match device.read(&mut buffer) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1));
                continue;
            }
            Err(error) if matches!(error.raw_os_error(), Some(nix::libc::ENOENT | nix::libc::EINTR)) => {
                continue;
            }
            Err(_) => return,
        };
        let Some(request) = Request::read(&buffer[..bytes]) else { return };
        let (error, body) = match answer(&request) {
            Answer::None => continue,
            Answer::Error(error) => (-error, Vec::new()),
            Answer::Body(body) => (0, body),
        };
        let mut reply = Vec::with_capacity(16 + body.len());
        reply.extend(u32::try_from(16 + body.len()).unwrap_or(16).to_ne_bytes());
        reply.extend(error.to_ne_bytes());
        reply.extend(request.unique.to_ne_bytes());
        reply.extend(body);
        let _ = device.write(&reply);
    }
}

/// What the kernel asks.
struct Request<'b> {
    operation: u32,
    unique: u64,
    node: u64,
    body: &'b [u8],
}

impl<'b> Request<'b> {
    fn read(bytes: &'b [u8]) -> Option<Self> {
        Some(Self {
            operation: u32::from_ne_bytes(bytes.get(4..8)?.try_into().ok()?),
            unique: number(bytes, 8)?,
            node: number(bytes, 16)?,
            body: bytes.get(40..)?,
        })
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

enum Answer {
    /// None, now or ever.
    None,
    Error(i32),
    Body(Vec<u8>),
}

fn answer(request: &Request<'_>) -> Answer {
    const NAMES: [(&str, u64); 3] = [(FINE, 2), (HANGS, 3), (FAILS, 4)];
    match request.operation {
        // FORGET, INTERRUPT, BATCH_FORGET
        2 | 36 | 42 => Answer::None,
        // LOOKUP
        1 => {
            let name = request.body.split(|byte| *byte == 0).next().unwrap_or_default();
            if name == NAME_HANGS.as_bytes() {
                return Answer::None;
            }
            match NAMES.iter().find(|(known, _)| known.as_bytes() == name) {
                None => Answer::Error(nix::libc::ENOENT),
                Some((_, node)) => {
                    let mut body = Vec::new();
                    [*node, 0, 60, 60, 0].iter().for_each(|field: &u64| body.extend(field.to_ne_bytes()));
                    body.extend(attributes(*node));
                    Answer::Body(body)
                }
            }
        }
        // GETATTR
        3 => {
            let mut body = Vec::new();
            [60_u64, 0].iter().for_each(|field| body.extend(field.to_ne_bytes()));
            body.extend(attributes(request.node));
            Answer::Body(body)
        }
        // OPEN, OPENDIR: nothing is cached, so that every read is asked for.
        14 | 27 => {
            const DIRECT: u64 = 1;
            Answer::Body([0_u64, DIRECT].iter().flat_map(|field| field.to_ne_bytes()).collect())
        }
        // READ
        15 => {
            let offset = number(request.body, 8).unwrap_or(0);
            let size = number(request.body, 16).unwrap_or(0) & 0xffff_ffff;
            match request.node {
                2 => Answer::Body(
                    CONTENT.get(usize::try_from(offset).unwrap_or(0)..).unwrap_or_default().to_vec(),
                ),
                4 if offset < FAILS_AT => {
                    let bytes = size.min(FAILS_AT - offset);
                    Answer::Body(vec![b'x'; usize::try_from(bytes).unwrap_or(0)])
                }
                4 => Answer::Error(nix::libc::EIO),
                _ => Answer::None,
            }
        }
        // RELEASE, FLUSH, RELEASEDIR, ACCESS
        18 | 25 | 29 | 34 => Answer::Body(Vec::new()),
        // READDIR
        28 => Answer::Body(Vec::new()),
        // INIT
        26 => {
            let mut body = Vec::new();
            let fields: [u32; 16] =
                [7, 31, 64 << 10, 0, 0x0010_0010, 128 << 10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            fields.iter().for_each(|field| body.extend(field.to_ne_bytes()));
            Answer::Body(body)
        }
        _ => Answer::Error(nix::libc::ENOSYS),
    }
}

/// The `fuse_attr` of a file or of the folder.
fn attributes(node: u64) -> Vec<u8> {
    let (mode, size) = match node {
        1 => (0o040_755_u32, 0),
        2 => (0o100_644, CONTENT.len() as u64),
        _ => (0o100_644, SIZE),
    };
    let mut bytes = Vec::new();
    [node, size, size.div_ceil(512), 0, 0, 0].iter().for_each(|field| bytes.extend(field.to_ne_bytes()));
    let fields = [0, 0, 0, mode, 1, 0, 0, 0, 4096, 0_u32];
    fields.iter().for_each(|field| bytes.extend(field.to_ne_bytes()));
    bytes
}
