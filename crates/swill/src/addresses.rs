use crate::{hub::give_back, state::lock};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex},
};

/// How many TCP connections there are from each address, where that is limited.
///
/// Of IPv6, the upper 64 bits of an address count: whoever has one has all others of that network, too.
#[derive(Debug)]
pub(crate) struct Addresses {
    most: usize,
    /// Peers choose their addresses, hence the hasher with random keys.
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A place among the connections of an address, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    addresses: Arc<Addresses>,
    from: IpAddr,
}

impl Addresses {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    /// A place for one more connection of this address, if there is one.
    pub(crate) fn admit(self: &Arc<Self>, remote: IpAddr) -> Option<Place> {
        let from = network(remote);
        let mut all = lock(&self.open);
        let open = all.entry(from).or_default();
        if *open >= self.most {
            if self.most == 0 {
                all.remove(&from);
            }
            return None;
        }
        *open += 1;
        drop(all);
        Some(Place { addresses: Arc::clone(self), from })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = lock(&self.addresses.open);
        if let Some(open) = all.get_mut(&self.from) {
            *open -= 1;
            if *open == 0 {
                all.remove(&self.from);
                give_back(&mut all);
            }
        }
    }
}

/// What counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_places_and_gets_them_back() {
        let addresses = Arc::new(Addresses::new(2));
        let admit = |address: &str| addresses.admit(address.parse().unwrap());
        let first = admit("192.0.2.1").unwrap();
        let _second = admit("::ffff:192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none());
        assert!(admit("192.0.2.2").is_some());
        drop(first);
        assert!(admit("192.0.2.1").is_some());
        let _six = [admit("2001:db8::1").unwrap(), admit("2001:db8::ffff").unwrap()];
        assert!(admit("2001:db8::2").is_none());
        assert!(admit("2001:db8:0:1::2").is_some());
        assert_eq!(lock(&addresses.open).len(), 2, "nothing is kept of those who have gone");
    }

    #[test]
    fn nobody_has_a_place_where_there_is_none() {
        let addresses = Arc::new(Addresses::new(0));
        assert!(addresses.admit("192.0.2.1".parse().unwrap()).is_none());
        assert!(lock(&addresses.open).is_empty());
    }
}
