//! The shipped strategies.

/// A named strategy and what it is for. The backoff factor of all of them is 2.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// Name in `RETRY_STRATEGIES`.
    pub name: &'static str,
    /// Attempts, the first included.
    pub max_attempts: i64,
    /// Seconds between the second and the third attempt; the second follows the first at once.
    pub base_delay: f64,
    /// Longest delay, in seconds.
    pub max_delay: f64,
    /// What it is for.
    pub reason: &'static str,
}

/// The shipped strategies, in the order in which they are offered.
pub const PRESETS: &[Preset] = &[
    Preset { name: "default", max_attempts: 3, base_delay: 2.0, max_delay: 60.0, reason: "rides out a restart" },
    Preset {
        name: "aggressive",
        max_attempts: 5,
        base_delay: 1.0,
        max_delay: 30.0,
        reason: "cheap jobs, short outages",
    },
    Preset {
        name: "conservative",
        max_attempts: 2,
        base_delay: 5.0,
        max_delay: 300.0,
        reason: "low priority: spares a service in trouble",
    },
    Preset { name: "high_priority", max_attempts: 5, base_delay: 0.5, max_delay: 15.0, reason: "somebody is waiting" },
];
