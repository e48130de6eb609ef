//! Texts of clouds, bounded.

/// A text in one line, without blanks at its ends; none if nothing is left.
pub(super) fn line(text: &str) -> Option<String> {
    const LONGEST: usize = 256;
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
