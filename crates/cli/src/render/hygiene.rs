//! What the examination of a fixture set found: one heading a set, one paragraph a finding.

use std::fmt::Write as _;
use std::path::Path;

use tierfall_workbench::fixture::hygiene::{Finding, Severity};

use super::style::{BAD, DIM, HINT, STRONG, WARN, paint};
use super::text::{hanging, wrapped};
use super::words::some;

/// Everything found in one set.
pub(crate) fn hygiene(set: &Path, findings: &[Finding]) -> String {
    let mut out = format!("{}: {}\n", paint(STRONG, set.display()), counts(findings));
    for finding in findings {
        out += &title(finding);
        for place in &finding.places {
            out += &line("at", &place.to_string());
        }
        let more = finding.count.saturating_sub(finding.places.len());
        if more > 0 && finding.places.len() > 1 {
            let _ = writeln!(out, "       {}", paint(DIM, format_args!("and {more} more")));
        }
        out += &line("why", finding.why);
        out += &line("do", &finding.remedy);
    }
    out
}

/// `2 warnings, 1 note`, or that there is nothing.
pub(crate) fn counts(findings: &[Finding]) -> String {
    let of = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let all = [Severity::Error, Severity::Warning, Severity::Note].into_iter().filter(|severity| of(*severity) > 0);
    let counted: Vec<String> = all.map(|severity| some(of(severity) as u64, severity.as_str())).collect();
    if counted.is_empty() { "nothing found".to_owned() } else { counted.join(", ") }
}

fn title(finding: &Finding) -> String {
    let style = match finding.severity {
        Severity::Error => BAD,
        Severity::Warning => WARN,
        Severity::Note => HINT,
    };
    let head = format!("{}[{}]", finding.severity.as_str(), finding.code);
    format!("  {}", hanging(style, &head, &format!("{}: {}", finding.name, finding.what)))
}

/// `    why  …`, in lines that read well.
fn line(name: &str, text: &str) -> String {
    const INDENT: usize = 9;
    let text = wrapped(text, INDENT);
    format!("    {}{}", paint(DIM, format_args!("{name:<5}")), text.trim_start())
}
