//! Which files the Drive takes: the name's extension and the media type must each be on the list (sweeppea.md 4.1).

const EXTENSIONS: [&str; 16] = [
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "csv", "jpg", "jpeg", "png", "gif", "webp", "svg", "bmp",
];

const MEDIA_TYPES: [&str; 18] = [
    "application/pdf",
    "application/msword",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "text/plain",
    "text/csv",
    "application/csv",
    "image/jpeg",
    "image/jpg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/svg+xml",
    "image/bmp",
    "image/x-ms-bmp",
];

/// The media type as the list writes it (media types mean the same in any case), or `None` if the Drive does not take
/// such a file.
pub(super) fn allowed(name: &str, media_type: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    let listed = |text: &str, list: &[&'static str]| list.iter().copied().find(|item| item.eq_ignore_ascii_case(text));
    listed(extension, &EXTENSIONS)?;
    listed(media_type, &MEDIA_TYPES)
}

/// The list as people read it.
pub(super) fn listed() -> String {
    EXTENSIONS.map(str::to_ascii_uppercase).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_and_media_type_must_each_be_listed() {
        assert_eq!(allowed("a.pdf", "application/pdf"), Some("application/pdf"));
        assert_eq!(allowed("a.b.PDF", "Application/PDF"), Some("application/pdf"));
        assert_eq!(allowed("a.jpg", "image/png"), Some("image/png"));
        assert_eq!(allowed("a.zip", "application/pdf"), None);
        assert_eq!(allowed("a.pdf", "application/zip"), None);
        assert_eq!(allowed("pdf", "application/pdf"), None);
        assert_eq!(allowed("a.", "application/pdf"), None);
        assert_eq!(allowed("a.pdf", "application/pdf; x=y"), None);
    }

    #[test]
    fn the_list_reads_as_the_vendor_writes_it() {
        assert_eq!(listed(), "PDF, DOC, DOCX, XLS, XLSX, PPT, PPTX, TXT, CSV, JPG, JPEG, PNG, GIF, WEBP, SVG, BMP");
    }
}
