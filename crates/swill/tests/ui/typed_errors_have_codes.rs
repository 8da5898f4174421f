#[derive(Debug, swill::Error)]
enum Fault {
    Nothing,
    #[error(code = 404)]
    NoMessage,
    #[error(code = 404, message = "lost", status = 1)]
    Unknown,
    #[error(code = 404, message = "two causes")]
    Sources(#[error(source)] std::fmt::Error, #[error(source)] std::fmt::Error),
    #[error(code = 404, message = "hidden")]
    Hidden(#[error(hide)] u8),
    #[error("only a message")]
    Message,
}

#[derive(Debug, swill::Error)]
#[error(code = 400, message = "generic")]
struct Generic<T>(T);

#[derive(Debug, swill::Error)]
enum Empty {}

fn main() {}
