use std::collections::{HashMap, VecDeque};

/// How many calls are remembered in each direction. The oldest are forgotten first.
const MOST: usize = 10_000;

/// How many bytes the key and the name of a call may have; beyond, it is not remembered. An answer of JSON-RPC is a key,
/// for it may be the id of a stream.
const LONGEST: usize = 1 << 10;

/// Which procedure a call is of, as answers do not say so. Calls are known by their number or id, as it is written.
#[derive(Debug, Default)]
pub(super) struct Calls {
    names: HashMap<String, Known>,
    /// Keys and turns, also of calls that are over.
    order: VecDeque<(String, u64)>,
    turn: u64,
}

#[derive(Debug)]
struct Known {
    name: String,
    /// Keys come again.
    turn: u64,
}

impl Calls {
    /// Remembers a call; whether it is new.
    pub(super) fn insert(&mut self, key: &str, name: &str) -> bool {
        if key.len() + name.len() > LONGEST {
            return true;
        }
        if self.names.get(key).is_some_and(|known| known.name == name) {
            return false;
        }
        self.turn += 1;
        self.names.insert(key.to_owned(), Known { name: name.to_owned(), turn: self.turn });
        self.order.push_back((key.to_owned(), self.turn));
        if self.order.len() > MOST
            && let Some((oldest, turn)) = self.order.pop_front()
            && self.names.get(&oldest).is_some_and(|known| known.turn == turn)
        {
            self.names.remove(&oldest);
        }
        true
    }

    pub(super) fn get(&self, key: &str) -> Option<String> {
        self.names.get(key).map(|known| known.name.clone())
    }

    /// Forgets a call that is over.
    pub(super) fn remove(&mut self, key: &str) -> Option<String> {
        self.names.remove(key).map(|known| known.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut calls = Calls::default();
        for number in 0..3 * MOST {
            assert!(calls.insert(&number.to_string(), "it"));
            assert!(!calls.insert(&number.to_string(), "it"));
        }
        assert_eq!((calls.names.len(), calls.order.len()), (MOST, MOST));
        assert_eq!(calls.get("0"), None);
        let last = (3 * MOST - 1).to_string();
        assert_eq!(calls.remove(&last).as_deref(), Some("it"));
        assert_eq!(calls.get(&last), None);
    }

    #[test]
    fn what_is_long_is_not_remembered() {
        let mut calls = Calls::default();
        let long = "x".repeat(LONGEST);
        assert!(calls.insert(&long, "it") && calls.insert("1", &long));
        assert!(calls.names.is_empty() && calls.order.is_empty());
    }

    #[test]
    fn calls_that_come_and_go_take_no_room_and_do_not_harm_the_next() {
        let mut calls = Calls::default();
        for _ in 0..3 * MOST {
            assert!(calls.insert("1", "it"));
            assert_eq!(calls.remove("1").as_deref(), Some("it"));
        }
        assert!(calls.names.is_empty() && calls.order.len() <= MOST);
    }
}
