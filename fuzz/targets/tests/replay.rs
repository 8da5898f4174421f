//! Plays what is kept of the fuzz targets: the seeds, which were written or found, and the inputs that reach more of the code
//! than others. So a defect that was mended once is found again without libFuzzer. Then each target gets inputs that are
//! nearly like those.

use std::{
    collections::BTreeSet,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};
use swill_fuzz_targets::TARGETS;

/// How many bytes of inputs are kept of one target.
const KEPT: usize = 8 << 10;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in a folder").to_owned()
}

/// The names of the files in a folder, without what follows a dot.
fn names(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let name = |file: std::io::Result<fs::DirEntry>| {
        let path = file.expect("it can be read").path();
        path.file_stem().and_then(|name| name.to_str()).expect("it has a name").to_owned()
    };
    files.map(name).collect()
}

/// The seeds of a target and what is kept of it, by name.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut inputs = Vec::new();
    let seeds = fuzz().join("seeds").join(target);
    for seed in fs::read_dir(&seeds).into_iter().flatten() {
        let path = seed.expect("it can be read").path();
        inputs.push((path.display().to_string(), fs::read(&path).expect("it can be read")));
    }
    assert!(!inputs.is_empty(), "{target} has no seeds");
    inputs.sort();
    let kept = fuzz().join("kept").join(format!("{target}.hex"));
    let lines = fs::read_to_string(&kept).unwrap_or_else(|error| panic!("{}: {error}", kept.display()));
    let most = 2 * KEPT + lines.lines().count();
    assert!(lines.len() <= most, "{} bytes of {target} are kept", lines.len() / 2);
    for (number, line) in lines.lines().enumerate() {
        let input = unhex(line).unwrap_or_else(|| panic!("{}:{}", kept.display(), number + 1));
        inputs.push((format!("{}:{}", kept.display(), number + 1), input));
    }
    inputs
}

fn unhex(line: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = line.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[test]
fn every_target_is_one_for_libfuzzer_and_has_inputs() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for folder in ["fuzz_targets", "seeds", "kept"] {
        assert_eq!(names(&fuzz().join(folder)), targets, "{folder}");
    }
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("there is a manifest");
    for target in &targets {
        assert!(
            manifest.contains(&format!("[[bin]]\nname = \"{target}\"\n")),
            "{target} is not in Cargo.toml"
        );
        let program = fuzz().join("fuzz_targets").join(format!("{target}.rs"));
        let program = fs::read_to_string(program).expect("there is a program");
        assert!(program.contains(&format!("run(\"{target}\", input)")), "{target} runs another target");
    }
}

/// One test for each target, so that they run beside each other.
macro_rules! replayed {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                replay(stringify!($target));
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(stringify!($target)),*];
            assert_eq!(replayed.as_slice(), TARGETS.map(|(name, _)| name).as_slice());
        }
    };
}

replayed! {
    address
    answers
    client_connection
    client_handshake
    command_parameters
    description
    events
    json_scan
    jsonrpc
    messagepack_scan
    server_connection
    server_handshake
    swill1_client
    swill1_server
    tap
    webmesh
    ws_client
    ws_deflate
    ws_handshake
    ws_round_trip
    ws_server
}

fn replay(target: &str) {
    let inputs = inputs(target);
    let mut failed = Vec::new();
    for (name, input) in &inputs {
        if catch_unwind(|| swill_fuzz_targets::run(target, input)).is_err() {
            failed.push(name.clone());
        }
    }
    let mut chance = Chance(0);
    for number in 0..cases() {
        let spoilt = chance.spoilt(&inputs);
        if catch_unwind(|| swill_fuzz_targets::run(target, &spoilt)).is_err() {
            failed.push(format!("spoilt input {number}: {}", hex(&spoilt)));
        }
    }
    assert!(failed.is_empty(), "{target} fails with {failed:#?}");
}

/// How many spoilt inputs each target gets: some hundred, unless `SWILL_FUZZ_CASES` says how many.
fn cases() -> usize {
    std::env::var("SWILL_FUZZ_CASES").map_or(300, |cases| cases.parse().expect("a number of cases"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Chance that is the same each time (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }

    /// One of the inputs with a few bytes changed, left out, put in or repeated, or with a part of another one.
    fn spoilt(&mut self, inputs: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut input = inputs[self.below(inputs.len())].1.clone();
        for _ in 0..=self.below(5) {
            let at = self.below(input.len() + 1);
            let byte = self.below(256) as u8;
            match (self.below(6), input.get_mut(at)) {
                (0, Some(place)) => *place = byte,
                (1, Some(place)) => *place ^= 1 << (byte & 7),
                (2, Some(_)) => drop(input.remove(at)),
                (3, _) => input.insert(at, byte),
                (4, _) => {
                    let end = (at + self.below(20)).min(input.len());
                    let part = input[at..end].to_vec();
                    input.splice(at..at, part);
                }
                _ => {
                    let other = &inputs[self.below(inputs.len())].1;
                    let from = self.below(other.len() + 1);
                    input.truncate(at);
                    input.extend_from_slice(&other[from..]);
                }
            }
        }
        input
    }
}
