//! What stands on the wire: members, their order, their numbers (sweeppea.md 2.4, 3 and 4).
//!
//! The order of a struct's fields is the order of the members. Members may be added nowhere.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use uuid::Uuid;

use crate::engine::model::{Account, Deleted, FileInfo, FileQuery, Page};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The one category there is.
const CATEGORY: &str = "General";

/// The body of every 200.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "Sweeppea{T}")]
pub(super) struct Success<T> {
    pub(super) response: bool,
    pub(super) telemetry: Telemetry,
    pub(super) data: T,
    pub(super) message: &'static str,
}

/// What a call cost, and how many more there may be this month.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Telemetry {
    #[serde(rename = "DataConsumed")]
    data_consumed: Decimal,
    #[serde(rename = "APICalls")]
    api_calls: u64,
    #[serde(rename = "MaxAPICalls")]
    max_api_calls: u64,
}

impl Telemetry {
    /// `consumed` in bytes; shown in GiB, 6 decimals.
    pub(super) fn new(consumed: u64, calls: u64, max_calls: u64) -> Self {
        Self { data_consumed: Decimal::round(consumed, GIB, 6), api_calls: calls, max_api_calls: max_calls }
    }
}

/// A rounded number as JavaScript's `Number(x.toFixed(n))` would print it: `0.03`, `1`, `0.5`, and `0.000033`, which
/// a float would print with an exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(with = "f64")]
pub(super) struct Decimal {
    /// In units of the last decimal.
    scaled: u128,
    decimals: u32,
}

impl Decimal {
    /// `amount / unit`, half a last decimal rounded up.
    fn round(amount: u64, unit: u64, decimals: u32) -> Self {
        let unit = u128::from(unit);
        let scaled = (u128::from(amount) * 10_u128.pow(decimals) + unit / 2) / unit;
        Self { scaled, decimals }
    }

    /// Bytes in MiB, two decimals.
    pub(super) fn mib(bytes: u64) -> Self {
        Self::round(bytes, MIB, 2)
    }

    /// With all its decimals: `0.50`, `1.00`.
    pub(super) fn in_full(self) -> String {
        let one = 10_u128.pow(self.decimals);
        let width = self.decimals as usize;
        format!("{}.{:0width$}", self.scaled / one, self.scaled % one)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.in_full().trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = RawValue::from_string(self.to_string()).map_err(S::Error::custom)?;
        number.serialize(serializer)
    }
}

/// Milliseconds, UTC: `2026-01-23T21:58:05.468Z`.
fn date(time: OffsetDateTime) -> String {
    const FORM: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    // Only a broken writer could fail here.
    time.to_offset(time::UtcOffset::UTC).format(FORM).unwrap_or_default()
}

/// The folder that the vendor's answers name; ours is flat, as theirs is.
fn documents(account: Uuid) -> String {
    format!("{account}/documents")
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeletedData {
    file_token: Uuid,
    filename: String,
    #[serde(rename = "SizeMB")]
    size_mb: Decimal,
}

impl From<Deleted> for DeletedData {
    fn from(file: Deleted) -> Self {
        Self { file_token: file.uid, filename: file.name, size_mb: Decimal::mib(file.size) }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UploadedData {
    file_token: Uuid,
    filename: String,
    mime_type: String,
    size: u64,
    #[serde(rename = "SizeMB")]
    size_mb: Decimal,
    path: String,
    category_token: Option<Uuid>,
    category: &'static str,
    private: bool,
    creation_date: String,
}

impl UploadedData {
    pub(super) fn new(file: FileInfo, account: &Account) -> Self {
        Self {
            path: format!("{}/{}", documents(account.uid), file.name),
            file_token: file.uid,
            filename: file.name,
            mime_type: file.media_type,
            size: file.size,
            size_mb: Decimal::mib(file.size),
            category_token: account.category,
            category: CATEGORY,
            private: file.private,
            creation_date: date(file.created_at),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FetchedData {
    files: Vec<ListedFile>,
    categories: Vec<Category>,
    storage: Storage,
    pagination: Pagination,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListedFile {
    file_token: Uuid,
    category_token: Option<Uuid>,
    creation_date: String,
    file_info: ListedInfo,
    shared_to: [(); 0],
    visible_to_admins: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct ListedInfo {
    filename: String,
    path: String,
    size: u64,
    mime_type: String,
    encoding: &'static str,
    upload_by_admin: bool,
    opened: bool,
    private: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Category {
    category_token: Uuid,
    category: &'static str,
    color: &'static str,
    primary: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Storage {
    #[serde(rename = "UsedMB")]
    used_mb: Decimal,
    #[serde(rename = "MaxMB")]
    max_mb: Decimal,
    #[serde(rename = "RemainingMB")]
    remaining_mb: Decimal,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Pagination {
    page: u64,
    limit: u32,
    total_files: u64,
    total_pages: u64,
}

impl FetchedData {
    pub(super) fn new(files: Page<FileInfo>, query: &FileQuery, account: &Account) -> Self {
        Self {
            files: files.items.into_iter().map(|file| ListedFile::new(file, account)).collect(),
            categories: account.category.into_iter().map(Category::general).collect(),
            storage: Storage::of(account),
            pagination: Pagination {
                page: query.offset / u64::from(query.limit) + 1,
                limit: query.limit,
                total_files: files.total,
                total_pages: files.total.div_ceil(u64::from(query.limit)),
            },
        }
    }
}

impl ListedFile {
    fn new(file: FileInfo, account: &Account) -> Self {
        Self {
            file_token: file.uid,
            category_token: account.category,
            creation_date: date(file.created_at),
            file_info: ListedInfo {
                filename: file.name,
                path: documents(account.uid),
                size: file.size,
                mime_type: file.media_type,
                encoding: "7bit",
                upload_by_admin: false,
                opened: false,
                private: file.private,
            },
            shared_to: [],
            visible_to_admins: false,
        }
    }
}

impl Category {
    fn general(token: Uuid) -> Self {
        Self { category_token: token, category: CATEGORY, color: "#A51400", primary: true }
    }
}

impl Storage {
    fn of(account: &Account) -> Self {
        // Without a quota nothing is left to tell, and 0 says so (sweeppea.md 4.2).
        let remaining = match account.quota {
            0 => 0,
            _ => account.remaining(),
        };
        Self {
            used_mb: Decimal::mib(account.used),
            max_mb: Decimal::mib(account.quota),
            remaining_mb: Decimal::mib(remaining),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UrlData {
    file_token: Uuid,
    filename: String,
    mime_type: String,
    size: u64,
    #[serde(rename = "SizeMB")]
    size_mb: Decimal,
    mode: &'static str,
    url: String,
    expires_in: u32,
    expires_at: String,
}

impl UrlData {
    pub(super) fn new(
        file: FileInfo,
        mode: &'static str,
        url: String,
        expires_in: u32,
        expires_at: OffsetDateTime,
    ) -> Self {
        Self {
            file_token: file.uid,
            filename: file.name,
            mime_type: file.media_type,
            size: file.size,
            size_mb: Decimal::mib(file.size),
            mode,
            url,
            expires_in,
            expires_at: date(expires_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_javascript_prints_them() {
        for (bytes, text) in [
            (0, "0"),
            (34_980, "0.03"),
            (5_242, "0"),
            (5_243, "0.01"),
            (131_072, "0.13"),
            (MIB / 2, "0.5"),
            (MIB, "1"),
            (10 * MIB, "10"),
            (5_000 * MIB, "5000"),
            (u64::MAX, "17592186044416"),
        ] {
            assert_eq!(serde_json::to_string(&Decimal::mib(bytes)).unwrap(), text);
        }
        for (bytes, text) in [(0, "0"), (34_980, "0.000033"), (500, "0"), (GIB, "1")] {
            assert_eq!(Decimal::round(bytes, GIB, 6).to_string(), text);
        }
    }

    #[test]
    fn texts_show_both_decimals() {
        assert_eq!(Decimal::mib(0).in_full(), "0.00");
        assert_eq!(Decimal::mib(MIB / 2).in_full(), "0.50");
        assert_eq!(Decimal::mib(12 * MIB + MIB / 2).in_full(), "12.50");
    }

    #[test]
    fn dates_have_milliseconds() {
        let time = time::macros::datetime!(2026-01-23 22:58:05.468_999 +01:00);
        assert_eq!(date(time), "2026-01-23T21:58:05.468Z");
    }
}
