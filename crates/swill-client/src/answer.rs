use std::ops::Deref;

/// How long an answer may be that needs no memory of its own.
const SHORT: usize = 46;

/// A written answer that has been taken out of the read buffer.
#[derive(Debug)]
pub(crate) enum Answer {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl From<&[u8]> for Answer {
    fn from(answer: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        match bytes.get_mut(..answer.len()) {
            Some(place) => {
                place.copy_from_slice(answer);
                Self::Short { length: answer.len() as u8, bytes }
            }
            None => Self::Long(answer.into()),
        }
    }
}

impl Deref for Answer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_any_length_stay_what_they_are() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 1000] {
            let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let answer = Answer::from(&*bytes);
            assert_eq!(matches!(answer, Answer::Long(_)), length > SHORT);
            assert_eq!(*answer, *bytes);
        }
    }
}
