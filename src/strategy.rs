//! How often a job is tried, and how long it waits between two attempts.

use crate::error::Error;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use std::ops::Range;

/// Longest schedule that can be listed.
const SCHEDULE_LIMIT: i64 = 1_000_000;

/// Largest delay, in seconds, that is worth adding to a date: more than the calendar holds.
const CALENDAR_SECONDS: f64 = 400_000_000_000.0;

const FNV_OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// The parameters of exponential backoff, checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strategy {
    max_attempts: i64,
    base_delay: f64,
    max_delay: f64,
    backoff_factor: f64,
    jitter: f64,
}

impl Default for Strategy {
    fn default() -> Self {
        Self { max_attempts: 3, base_delay: 1.0, max_delay: 300.0, backoff_factor: 2.0, jitter: 0.0 }
    }
}

impl Strategy {
    /// Attempts, the first included.
    #[must_use]
    pub fn max_attempts(&self) -> i64 {
        self.max_attempts
    }

    /// Seconds between the second and the third attempt; the second follows the first at once.
    #[must_use]
    pub fn base_delay(&self) -> f64 {
        self.base_delay
    }

    /// Longest delay in seconds.
    #[must_use]
    pub fn max_delay(&self) -> f64 {
        self.max_delay
    }

    /// What each further delay is multiplied by.
    #[must_use]
    pub fn backoff_factor(&self) -> f64 {
        self.backoff_factor
    }

    /// Fraction of a delay, 0 to 1, by which it may be lengthened.
    #[must_use]
    pub fn jitter(&self) -> f64 {
        self.jitter
    }

    /// Set [`Self::max_attempts`].
    ///
    /// # Errors
    /// [`Error::Parameter`] where it is negative.
    pub fn set_max_attempts(&mut self, value: i64) -> Result<(), Error> {
        if value < 0 {
            let allowed = "a whole number, 0 or more";
            return Err(Error::Parameter { name: "max_attempts", value: value.to_string(), allowed });
        }
        self.max_attempts = value;
        Ok(())
    }

    /// Set [`Self::base_delay`].
    ///
    /// # Errors
    /// [`Error::Parameter`] where it is negative or not finite.
    pub fn set_base_delay(&mut self, value: f64) -> Result<(), Error> {
        self.base_delay = finite("base_delay", value)?;
        Ok(())
    }

    /// Set [`Self::max_delay`].
    ///
    /// # Errors
    /// [`Error::Parameter`] where it is negative or not finite.
    pub fn set_max_delay(&mut self, value: f64) -> Result<(), Error> {
        self.max_delay = finite("max_delay", value)?;
        Ok(())
    }

    /// Set [`Self::backoff_factor`].
    ///
    /// # Errors
    /// [`Error::Parameter`] where it is negative or not finite.
    pub fn set_backoff_factor(&mut self, value: f64) -> Result<(), Error> {
        self.backoff_factor = finite("backoff_factor", value)?;
        Ok(())
    }

    /// Set [`Self::jitter`].
    ///
    /// # Errors
    /// [`Error::Parameter`] where it is no fraction from 0 to 1.
    pub fn set_jitter(&mut self, value: f64) -> Result<(), Error> {
        self.jitter = checked_jitter(value)?;
        Ok(())
    }

    /// Seconds to wait after attempt number `attempt_count`.
    ///
    /// `min(base_delay * backoff_factor ** (attempt_count - 2), max_delay)`, and 0 up to the first attempt. Where the
    /// power leaves the range of a double, which Python reports as an `OverflowError`, it is `max_delay`.
    #[must_use]
    pub fn delay_seconds(&self, attempt_count: i64) -> f64 {
        if attempt_count <= 1 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "CPython rounds an integer exponent to a double the same way")]
        let exponent = (attempt_count - 2) as f64;
        // powf is libm's pow, as CPython's float power is; powi multiplies and differs in the last digits.
        let power = self.backoff_factor.powf(exponent);
        if power.is_infinite() {
            return self.max_delay;
        }
        let delay = self.base_delay * power;
        if self.max_delay < delay { self.max_delay } else { delay }
    }

    /// The attempts that a delay follows, 1 to `max_attempts - 1`, if they are few enough to be listed.
    ///
    /// # Errors
    /// [`Error::ScheduleTooLong`] for more than a million attempts.
    pub fn listed_attempts(&self) -> Result<Range<i64>, Error> {
        if self.max_attempts > SCHEDULE_LIMIT {
            return Err(Error::ScheduleTooLong { max_attempts: self.max_attempts, limit: SCHEDULE_LIMIT });
        }
        Ok(1..self.max_attempts)
    }

    /// The delays after attempts 1 to `max_attempts - 1`.
    ///
    /// # Errors
    /// As [`Self::listed_attempts`].
    pub fn schedule(&self) -> Result<Vec<f64>, Error> {
        Ok(self.listed_attempts()?.map(|attempt| self.delay_seconds(attempt)).collect())
    }

    /// Lengthen `delay` by a share of it that `key` decides: `min(delay + u * jitter * max(delay, base_delay),
    /// max_delay)` with `u` from [`unit_hash`].
    #[must_use]
    pub fn jittered(&self, delay: f64, key: &[u8], jitter: f64) -> f64 {
        let spread = if delay < self.base_delay { self.base_delay } else { delay };
        let jittered = delay + unit_hash(key) * jitter * spread;
        if self.max_delay < jittered { self.max_delay } else { jittered }
    }
}

/// Return `value` if it is a fraction from 0 to 1.
///
/// # Errors
/// [`Error::Parameter`] otherwise.
pub fn checked_jitter(value: f64) -> Result<f64, Error> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(Error::Parameter { name: "jitter", value: format!("{value:?}"), allowed: "a fraction from 0 to 1" })
}

fn finite(name: &'static str, value: f64) -> Result<f64, Error> {
    if value.is_finite() && value >= 0.0 {
        return Ok(value);
    }
    Err(Error::Parameter { name, value: format!("{value:?}"), allowed: "a finite number, 0 or more" })
}

/// A number in [0, 1) that depends on nothing but `key`.
///
/// FNV-1a (64 bit) over the bytes, then the finaliser of `SplitMix64`, whose upper 53 bits are divided by 2^53. FNV
/// alone leaves the upper bits of short keys alike.
#[must_use]
pub fn unit_hash(key: &[u8]) -> f64 {
    let mut hash = key.iter().fold(FNV_OFFSET_BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let unit = (hash >> 11) as f64 / 9_007_199_254_740_992.0;
    unit
}

/// The moment `delay` seconds after `now`, to the microsecond, at the latest the end of the year 9999.
#[must_use]
pub fn after(now: DateTime<Utc>, delay: f64) -> DateTime<Utc> {
    let end = end_of_calendar();
    if delay >= CALENDAR_SECONDS {
        return end;
    }
    let whole = delay.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "bounded by CALENDAR_SECONDS")]
    let (seconds, microseconds) = (whole as i64, ((delay - whole) * 1e6).round_ties_even() as i64);
    let later = TimeDelta::try_seconds(seconds)
        .and_then(|delta| now.checked_add_signed(delta))
        .and_then(|moment| moment.checked_add_signed(TimeDelta::microseconds(microseconds)));
    later.map_or(end, |moment| moment.min(end))
}

fn end_of_calendar() -> DateTime<Utc> {
    let date = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or(NaiveDate::MAX);
    let time = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap_or(NaiveTime::MIN);
    NaiveDateTime::new(date, time).and_utc()
}

#[cfg(test)]
#[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "delays are promised to the bit")]
mod tests {
    use super::{Strategy, *};
    use crate::presets::PRESETS;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    fn strategy(max_attempts: i64, base_delay: f64, max_delay: f64, backoff_factor: f64) -> Strategy {
        Strategy { max_attempts, base_delay, max_delay, backoff_factor, jitter: 0.0 }
    }

    #[test]
    fn presets_have_these_schedules() {
        // To give a feeling for what the shipped strategies do.
        let expected: &[(&str, &[f64])] = &[
            ("default", &[0.0, 2.0]),
            ("aggressive", &[0.0, 1.0, 2.0, 4.0]),
            ("conservative", &[0.0]),
            ("high_priority", &[0.0, 0.5, 1.0, 2.0]),
        ];
        for (preset, (name, delays)) in PRESETS.iter().zip(expected) {
            assert_eq!(preset.name, *name);
            let strategy = strategy(preset.max_attempts, preset.base_delay, preset.max_delay, 2.0);
            assert_eq!(strategy.schedule().unwrap(), *delays, "{name}");
        }
    }

    #[test]
    fn the_cap_begins_at_the_attempt_where_the_power_passes_it() {
        let strategy = strategy(20, 2.0, 60.0, 2.0);
        assert_eq!(strategy.delay_seconds(6), 32.0); // 2 * 2**4
        assert_eq!(strategy.delay_seconds(7), 60.0); // 2 * 2**5 = 64
        assert_eq!(strategy.delay_seconds(i64::MAX), 60.0);
        assert_eq!(strategy.delay_seconds(i64::MIN), 0.0);
    }

    #[test]
    fn an_overflowing_power_is_capped_even_for_a_base_of_zero() {
        assert_eq!(strategy(9, 0.0, 300.0, 2.0).delay_seconds(5000), 300.0);
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        let mut strategy = Strategy::default();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
            assert!(strategy.set_base_delay(value).is_err());
            assert!(strategy.set_max_delay(value).is_err());
            assert!(strategy.set_backoff_factor(value).is_err());
            assert!(strategy.set_jitter(value).is_err());
        }
        assert!(strategy.set_jitter(1.1).is_err());
        assert!(strategy.set_max_attempts(-1).is_err());
        assert_eq!(strategy, Strategy::default());
        let message = strategy.set_base_delay(-1.0).unwrap_err().to_string();
        assert_eq!(message, "base_delay must be a finite number, 0 or more, not -1.0");
    }

    #[test]
    fn a_schedule_nobody_can_list_is_refused() {
        assert!(strategy(i64::MAX, 1.0, 1.0, 1.0).schedule().is_err());
    }

    #[test]
    fn the_hash_is_the_documented_one() {
        // FNV-1a of the empty key is the offset basis; SplitMix64's finaliser of it, upper 53 bits.
        assert_eq!(unit_hash(b""), 0xf52a_15e9_a9b5_e89b_u64.wrapping_shr(11) as f64 / 2f64.powi(53));
    }

    proptest! {
        #[test]
        fn delays_rise_to_the_cap(base in 0.0..1e6, cap in 0.0..1e6, factor in 1.0..10.0, attempt in 1i64..5000) {
            let strategy = strategy(9, base, cap, factor);
            let delay = strategy.delay_seconds(attempt);
            prop_assert!((0.0..=cap).contains(&delay));
            prop_assert!(delay <= strategy.delay_seconds(attempt + 1));
        }

        #[test]
        fn jitter_lengthens_by_at_most_its_share(delay in 0.0..1e5, key in any::<Vec<u8>>(), jitter in 0.0..=1.0) {
            let strategy = strategy(9, 2.0, 1e9, 2.0);
            let jittered = strategy.jittered(delay, &key, jitter);
            prop_assert!(jittered >= delay && jittered <= delay + jitter * delay.max(2.0));
            prop_assert_eq!(jittered.to_bits(), strategy.jittered(delay, &key, jitter).to_bits());
        }

        #[test]
        fn a_date_never_leaves_the_calendar(seconds in 0i64..250_000_000_000, delay in 0.0..1e300) {
            let now = DateTime::from_timestamp(seconds, 0).unwrap();
            let later = after(now, delay);
            prop_assert!(later <= end_of_calendar() && (later >= now || later == end_of_calendar()));
        }
    }
}
