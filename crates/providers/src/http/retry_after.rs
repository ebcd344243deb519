//! When a provider says to come back (RFC 9110, section 10.2.3).

use std::time::Duration;

use httpdate::parse_http_date;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The pause that the reply asks for: seconds, or a date, which is read against the reply's own `Date`, so that neither
/// a clock nor its error matters. Some providers also give milliseconds.
pub(super) fn pause(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(exact) = text("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(exact / 1e3).ok();
    }
    let asked = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = asked.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let (until, now) = (parse_http_date(asked).ok()?, parse_http_date(text(DATE.as_str())?).ok()?);
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        pause(&map)
    }

    #[test]
    fn seconds_milliseconds_and_dates() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (headers, want) in [
            (vec![("retry-after", "20")], Some(20_000)),
            (vec![("retry-after", "0.5")], Some(500)),
            (vec![("retry-after", "20"), ("retry-after-ms", "150")], Some(150)),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), date], Some(30_000)),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), date], Some(0)),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], None),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:50:07 CET"), date], None),
            (vec![("retry-after", "soon"), date], None),
            (vec![("retry-after", "-3")], None),
            (vec![("retry-after", "NaN")], None),
            (vec![("retry-after", "1e300")], None),
            (vec![], None),
        ] {
            assert_eq!(of(&headers), want.map(Duration::from_millis), "{headers:?}");
        }
    }
}
