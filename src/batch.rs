//! The same work over many messages, on as many processors as pay.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// What a message costs beside its bytes, in bytes.
const MESSAGE_BYTES: usize = 256;

/// Below this much work for each of them, starting threads costs more than they save, in bytes.
const THREAD_BYTES: usize = 128 * 1024;

/// Messages that a thread takes at a time, at the most. Many chunks, so that all end at about the same time.
const CHUNK_MESSAGES: usize = 256;

/// Chunks for each thread, at the least.
const CHUNKS: usize = 8;

/// How many threads pay for so many messages with so many bytes in all; None where the work is too little to share.
#[must_use]
pub fn threads(messages: usize, bytes: usize) -> Option<usize> {
    let work = bytes.saturating_add(messages.saturating_mul(MESSAGE_BYTES));
    let paying = (work / THREAD_BYTES).min(messages);
    // Asked for only where it matters: it reads files.
    (paying > 1).then(|| thread::available_parallelism().map_or(1, NonZero::get).min(paying))
}

/// Return `work` of each message, in order.
///
/// The threads, the caller's among them, live as long as the call. A pool that lives on is lost in a forked process, and
/// servers and workers fork. `proceed` is asked in the caller's thread after each of its chunks; its error ends all work.
///
/// # Errors
/// What `proceed` fails with.
///
/// # Panics
/// With what `work` panicked with, in whichever thread.
pub fn map<T: Sync, R: Default + Send, E>(
    messages: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
    mut proceed: impl FnMut() -> Result<(), E>,
) -> Result<Vec<R>, E> {
    let mut results = Vec::new();
    results.resize_with(messages.len(), R::default);
    let size = (messages.len() / (threads.max(1) * CHUNKS)).clamp(1, CHUNK_MESSAGES);
    let chunks = Mutex::new(messages.chunks(size).zip(results.chunks_mut(size)));
    let stopped = AtomicBool::new(false);
    let next_chunk = || {
        if stopped.load(Ordering::Relaxed) {
            None
        } else {
            chunks.lock().unwrap_or_else(PoisonError::into_inner).next()
        }
    };
    let fill = |(messages, results): (&[T], &mut [R])| {
        for (message, result) in messages.iter().zip(results) {
            *result = work(message);
        }
    };
    let ended = thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads)
            // Where the system gives no further thread, the others do its share.
            .map_while(|_| {
                thread::Builder::new().spawn_scoped(scope, || std::iter::from_fn(next_chunk).for_each(fill)).ok()
            })
            .collect();
        let mut ended = Ok(());
        while let Some(chunk) = next_chunk() {
            fill(chunk);
            ended = proceed();
            if ended.is_err() {
                stopped.store(true, Ordering::Relaxed);
                break;
            }
        }
        for helper in helpers {
            if let Err(panic) = helper.join() {
                resume_unwind(panic);
            }
        }
        ended
    });
    ended.map(|()| results)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    const GO_ON: fn() -> Result<(), Infallible> = || Ok(());

    #[test]
    fn little_work_is_not_shared() {
        assert_eq!(threads(0, 0), None);
        assert_eq!(threads(100, 12_000), None);
        // One message cannot be shared out.
        assert_eq!(threads(1, 100_000_000), None);
        let available = thread::available_parallelism().unwrap().get();
        assert_eq!(threads(2, 100_000_000), Some(available.min(2)));
        assert_eq!(threads(usize::MAX, usize::MAX), Some(available));
    }

    #[test]
    fn threads_work_at_the_same_time() {
        // Neither message is done before the other is begun.
        let both = Barrier::new(2);
        let done = map(
            &[1, 2],
            2,
            |number| {
                both.wait();
                number * 10
            },
            GO_ON,
        );
        assert_eq!(done, Ok(vec![10, 20]));
    }

    #[test]
    fn an_error_ends_the_work_of_all() {
        let messages = [(); 100_000];
        let caller = thread::current().id();
        for threads in [1, 3] {
            let (begun, caller_works) = (AtomicUsize::new(0), AtomicBool::new(false));
            let work = |(): &()| {
                begun.fetch_add(1, Ordering::Relaxed);
                caller_works.fetch_or(thread::current().id() == caller, Ordering::Relaxed);
                // The others leave something to the caller.
                while !caller_works.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
            };
            let ended = map(&messages, threads, work, || Err("interrupted"));
            assert_eq!(ended.err(), Some("interrupted"), "{threads} threads");
            assert!(threads > 1 || begun.into_inner() == CHUNK_MESSAGES);
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_with_its_own_words() {
        let messages: Vec<usize> = (0..10_000).collect();
        for threads in [1, 2, 5] {
            let work = |number: &usize| assert!(*number != 9_999, "message {number} is bad");
            let panic = catch_unwind(AssertUnwindSafe(|| map(&messages, threads, work, GO_ON))).unwrap_err();
            let words = panic.downcast_ref::<String>().map(String::as_str);
            assert_eq!(words, Some("message 9999 is bad"), "{threads} threads");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn gives_what_one_loop_gives(messages in proptest::collection::vec(0u32..1000, 0..3000), threads in 0usize..6) {
            let work = |number: &u32| format!("message {number}");
            let expected: Vec<String> = messages.iter().map(work).collect();
            prop_assert_eq!(map(&messages, threads, work, GO_ON), Ok(expected));
        }
    }
}
