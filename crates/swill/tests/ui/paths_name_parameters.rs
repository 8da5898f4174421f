#![allow(unused)]

struct Rooms;

#[swill::module]
impl Rooms {
    #[swill(path = "/rooms/{name}")]
    async fn enter(&self, room: String, seat: u32) {}

    #[swill(path = "/rooms/{room}", path = "/rooms/{id}/{*rest}")]
    async fn look(&self, #[swill(name = "id")] room: String) {}

    #[swill(path = "/{{all}}/{all}")]
    async fn all(&self) {}
}

fn main() {}
