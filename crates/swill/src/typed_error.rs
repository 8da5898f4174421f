//! Errors that are part of a procedure's contract.

use crate::Error;
use schemars::SchemaGenerator;
use std::{error::Error as StdError, marker::PhantomData};
use swill_proto::spec::ErrorSpec;

/// An error type whose cases are known: they appear in the description of the procedures that return it.
///
/// [`#[derive(swill::Error)]`](macro@crate::Error) implements it. By hand:
///
/// ```
/// use swill::{Error, TypedError, schemars::SchemaGenerator, spec::ErrorSpec};
///
/// struct OutOfStock {
///     left: u32,
/// }
///
/// impl TypedError for OutOfStock {
///     fn describe(generator: &mut SchemaGenerator) -> Vec<ErrorSpec> {
///         let left = generator.subschema_for::<u32>();
///         vec![ErrorSpec::new("OutOfStock", 409, "only {left} are left").field("left", left)]
///     }
/// }
///
/// impl From<OutOfStock> for Error {
///     fn from(error: OutOfStock) -> Self {
///         Error::new(409, format!("only {} are left", error.left))
///             .with_field("left", error.left)
///             .with_origin(error, |_| None)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no typed error",
    note = "put `#[derive(swill::Error)]` on `{Self}`, or implement `swill::TypedError`"
)]
pub trait TypedError: Into<Error> {
    /// Describes all cases.
    fn describe(generator: &mut SchemaGenerator) -> Vec<ErrorSpec>;
}

/// How a procedure's errors are described. See [`Procedure::describe_errors`](crate::Procedure::describe_errors).
pub type DescribeErrors = fn(&mut SchemaGenerator) -> Vec<ErrorSpec>;

/// Finds out whether a type is a [`TypedError`].
///
/// `ErrorsOf::<E>::DESCRIBE` describes the cases of a typed error, and nothing for every other type, if
/// [`Undescribed`] is in scope: where the inherent constant does not exist, the trait's is found.
///
/// ```
/// use swill::{ErrorsOf, Undescribed, schemars::SchemaGenerator};
///
/// let describe = ErrorsOf::<swill::Error>::DESCRIBE;
/// assert!(describe(&mut SchemaGenerator::default()).is_empty());
/// ```
#[derive(Debug)]
pub struct ErrorsOf<E>(PhantomData<fn() -> E>);

impl<E: TypedError> ErrorsOf<E> {
    /// Describes all cases.
    pub const DESCRIBE: DescribeErrors = E::describe;
}

/// What [`ErrorsOf`] says of types that are no [`TypedError`].
pub trait Undescribed {
    /// Describes nothing.
    const DESCRIBE: DescribeErrors = |_| Vec::new();
}

impl<E> Undescribed for ErrorsOf<E> {}

/// An error that can be the source of a typed one: every [`std::error::Error`], also in a `Box<dyn Error + Send + Sync>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the source of an error",
    note = "a source implements `std::error::Error`, `Send` and `Sync`, and borrows nothing"
)]
pub trait AsSource {
    /// The error.
    fn as_source(&self) -> &(dyn StdError + Send + Sync + 'static);
}

#[diagnostic::do_not_recommend]
impl<E: StdError + Send + Sync + 'static> AsSource for E {
    fn as_source(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }
}

impl AsSource for dyn StdError + Send + Sync + 'static {
    fn as_source(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }
}
