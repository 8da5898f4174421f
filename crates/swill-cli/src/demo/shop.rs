//! A shop: a large parameter with constraints, and a module in a module.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use swill::{Module, Stream, stream};

/// What there is, with prices in cents.
const ARTICLES: [(&str, u32); 3] = [("tea", 450), ("coffee", 690), ("mug", 1200)];

pub(super) fn module() -> Module {
    Module::named("shop")
        .doc("Orders, with everything that a form can have.")
        .module(Shop { orders: AtomicU64::new(0) })
        .nest("stock", Stock)
}

/// What is ordered, by whom, and how it is paid.
#[swill::validate(with = Self::has_lines_that_differ)]
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Order {
    customer: Customer,
    /// What is ordered, one line for each article.
    #[valid(length(1..=10))]
    lines: Vec<Line>,
    payment: Payment,
    #[serde(default)]
    delivery: Delivery,
    /// What to tell whoever delivers it.
    #[valid(length(..=200))]
    note: Option<String>,
    /// Texts to print on an article, by its name.
    #[serde(default)]
    #[valid(keys(length(1..=20)), values(length(..=40)))]
    engravings: BTreeMap<String, String>,
}

#[swill::validate]
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Customer {
    #[valid(length(1..=40))]
    #[schemars(example = &"Ada Lovelace")]
    name: String,
    #[valid(regex = "[^@ ]+@[^@ ]+$")]
    #[schemars(example = &"ada@example.org")]
    email: String,
    address: Option<Address>,
}

/// Where somebody lives.
#[swill::validate]
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Address {
    #[schemars(example = &"12 St James's Square")]
    street: String,
    #[schemars(example = &"London")]
    city: String,
    /// Two letters (ISO 3166-1).
    #[valid(regex = "[A-Z]{2}$")]
    #[schemars(example = &"GB")]
    country: String,
}

#[swill::validate]
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Line {
    article: Article,
    #[serde(default = "one")]
    #[valid(ge = 1, le = 99)]
    quantity: u32,
}

fn one() -> u32 {
    1
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Article {
    Tea,
    Coffee,
    Mug,
}

/// How it is paid.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
enum Payment {
    /// Coins and notes.
    Cash,
    Card(Card),
    Invoice {
        /// Whether it may go by post.
        #[serde(default)]
        on_paper: bool,
    },
}

#[swill::validate]
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Card {
    /// The last four digits.
    #[valid(regex = "[0-9]{4}$")]
    #[schemars(example = &"4242")]
    digits: String,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Delivery {
    /// To be fetched.
    Pickup,
    /// Within a week.
    #[default]
    Standard,
    /// Tomorrow, for 500 cents more.
    Express,
}

/// What has become of an order.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Receipt {
    number: u64,
    customer: String,
    total_cents: u64,
    delivery: Delivery,
}

#[derive(Debug, swill::Error)]
enum ShopError {
    /// There is not enough of an article.
    #[error(code = 409, message = "only {left} of `{article}` are left", parameter = "order")]
    SoldOut { article: String, left: u32 },
}

impl Order {
    fn has_lines_that_differ(&self) -> Result<(), String> {
        for (at, line) in self.lines.iter().enumerate() {
            if self.lines.iter().take(at).any(|before| before.article == line.article) {
                return Err(format!("`{}` has two lines", line.article.name()));
            }
        }
        Ok(())
    }
}

impl Article {
    fn name(self) -> &'static str {
        ARTICLES[self as usize].0
    }

    fn cents(self) -> u32 {
        ARTICLES[self as usize].1
    }

    /// How many there are. Mugs are rare.
    fn left(self) -> u32 {
        if self == Self::Mug { 12 } else { 50 }
    }
}

struct Shop {
    orders: AtomicU64,
}

#[swill::module]
impl Shop {
    /// Takes an order.
    ///
    /// At most 50 of an article can be had, and 12 mugs.
    async fn order(&self, order: Order) -> Result<Receipt, ShopError> {
        let mut total_cents = if matches!(order.delivery, Delivery::Express) { 500 } else { 0 };
        for line in &order.lines {
            if line.quantity > line.article.left() {
                let (article, left) = (line.article.name().to_owned(), line.article.left());
                return Err(ShopError::SoldOut { article, left });
            }
            total_cents += u64::from(line.quantity) * u64::from(line.article.cents());
        }
        let number = self.orders.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Receipt { number, customer: order.customer.name, total_cents, delivery: order.delivery })
    }

    /// The prices, in cents.
    async fn prices(&self) -> BTreeMap<String, u32> {
        ARTICLES.iter().map(|(name, cents)| ((*name).to_owned(), *cents)).collect()
    }
}

struct Stock;

/// What is there.
#[swill::module]
impl Stock {
    /// How many of an article there are.
    async fn level(&self, article: Article) -> u32 {
        article.left()
    }

    /// How many of an article there are, again and again as they are sold, until there are none.
    fn watch(&self, article: Article) -> impl Stream<Item = u32> {
        stream! {
            for left in (0..=article.left()).rev() {
                yield left;
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        }
    }
}
