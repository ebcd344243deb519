//! Observers, each with a queue and a thread of its own: none holds up a run, and none keeps anything from the others.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle, current};

use tierfall_core::caught::caught;
use tierfall_core::observer::{Called, Ended, Observer};

/// How much may wait for one observer.
const WAITING: usize = 4096;

#[derive(Clone)]
enum Told {
    Called(Arc<Called>),
    Ended(Arc<Ended>),
    /// Everything before this has been taken.
    All(SyncSender<()>),
}

/// Those who are told.
pub(crate) struct Observers(Vec<Arc<Queue>>);

struct Queue {
    observer: Arc<dyn Observer>,
    lost: AtomicU64,
    waiting: Option<SyncSender<Told>>,
    thread: Option<JoinHandle<()>>,
}

impl Observers {
    /// Each with a queue: the one that it has, where it is told of the runs of `before` as well.
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>, before: Option<&Self>) -> io::Result<Self> {
        let there = |observer: &Arc<dyn Observer>| before?.0.iter().find(|queue| Arc::ptr_eq(&queue.observer, observer)).cloned();
        let queue = |observer| there(&observer).map_or_else(|| Queue::new(observer, WAITING).map(Arc::new), Ok);
        observers.into_iter().map(queue).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nobody is told.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn called(&self, called: &Arc<Called>) {
        self.tell(&Told::Called(called.clone()));
    }

    pub(crate) fn ended(&self, ended: Ended) {
        self.tell(&Told::Ended(ended.into()));
    }

    /// How much did not fit a queue.
    pub(crate) fn lost(&self) -> u64 {
        self.0.iter().map(|queue| queue.lost.load(Ordering::Relaxed)).sum()
    }

    /// Waits until everything that was told is taken; an observer that waits does not wait for itself.
    pub(crate) fn flush(&self) {
        for queue in self.0.iter().filter(|queue| !queue.is_this_thread()) {
            let (taken, all) = sync_channel(1);
            if queue.waiting.as_ref().is_some_and(|waiting| waiting.send(Told::All(taken)).is_ok()) {
                let _ = all.recv();
            }
        }
    }

    fn tell(&self, told: &Told) {
        for queue in &self.0 {
            if queue.waiting.as_ref().is_none_or(|waiting| waiting.try_send(told.clone()).is_err()) {
                queue.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Queue {
    fn new(observer: Arc<dyn Observer>, room: usize) -> io::Result<Self> {
        let (waiting, queue) = sync_channel(room);
        let told = observer.clone();
        let thread = Builder::new().name("tierfall-observer".to_owned()).spawn(move || tell_all(&*told, &queue))?;
        Ok(Self { observer, lost: AtomicU64::new(0), waiting: Some(waiting), thread: Some(thread) })
    }

    fn is_this_thread(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.thread().id() == current().id())
    }
}

fn tell_all(observer: &dyn Observer, queue: &Receiver<Told>) {
    while let Ok(told) = queue.recv() {
        let taken = caught(|| match &told {
            Told::Called(called) => observer.called(called),
            Told::Ended(ended) => observer.ended(ended),
            Told::All(taken) => drop(taken.send(())),
        });
        if let Err(panicked) = taken {
            tracing::error!("an observer {panicked}; it is told of the next run again");
        }
    }
}

/// What is waiting is taken first.
impl Drop for Queue {
    fn drop(&mut self) {
        self.waiting.take();
        // The last engine may be an observer's own.
        let own = self.is_this_thread();
        if let Some(thread) = self.thread.take().filter(|_| !own) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc::channel;
    use tierfall_core::replay::replay;
    use tierfall_core::request::Request;
    use tierfall_core::run::Took;
    use tierfall_testkit::sample;

    fn ended(id: &str) -> Ended {
        let cascade = sample::cascade(&[("only", 0.0)]).unwrap();
        let request = Arc::new(Request::new(id, "?"));
        let answer = Arc::new(sample::sure("yes", 0.9));
        let (outcome, trace) = replay(&cascade, request.clone(), |_, _| (Ok(answer.clone()), Took::default()));
        Ended::new(cascade, request, outcome, Vec::new(), trace.into())
    }

    /// Takes a run when it may.
    struct Slow {
        begun: Mutex<std::sync::mpsc::Sender<()>>,
        go: Mutex<Receiver<()>>,
        taken: Arc<Mutex<Vec<String>>>,
    }

    impl Observer for Slow {
        fn ended(&self, ended: &Ended) {
            let _ = self.begun.lock().unwrap().send(());
            let _ = self.go.lock().unwrap().recv();
            self.taken.lock().unwrap().push(ended.request.id.to_string());
        }
    }

    /// Flushes those who are told, itself among them.
    struct Flushing(std::sync::OnceLock<std::sync::Weak<Observers>>);

    impl Observer for Flushing {
        fn ended(&self, _: &Ended) {
            self.0.get().unwrap().upgrade().unwrap().flush();
        }
    }

    #[test]
    fn an_observer_that_flushes_does_not_wait_for_itself() {
        let observer = Arc::new(Flushing(std::sync::OnceLock::new()));
        let observers = Arc::new(Observers::new(vec![observer.clone()], None).unwrap());
        observer.0.set(Arc::downgrade(&observers)).unwrap();
        observers.ended(ended("1"));
        // Comes back only if the observer did.
        observers.flush();
        assert_eq!(observers.lost(), 0);
    }

    #[test]
    fn an_observer_that_stalls_loses_what_does_not_fit_and_holds_up_nobody() {
        let ((begun, has_begun), (go, may_go)) = (channel(), channel());
        let taken = Arc::<Mutex<Vec<String>>>::default();
        let slow = Slow { begun: Mutex::new(begun), go: Mutex::new(may_go), taken: taken.clone() };
        let observers = Observers(vec![Queue::new(Arc::new(slow), 2).unwrap().into()]);
        observers.ended(ended("1"));
        has_begun.recv().unwrap();
        // It holds the first; two more wait, and whatever comes then is lost at once.
        for id in ["2", "3", "4", "5", "6"] {
            observers.ended(ended(id));
        }
        assert_eq!((observers.lost(), taken.lock().unwrap().len()), (3, 0));
        drop(go);
        observers.flush();
        assert_eq!(*taken.lock().unwrap(), ["1", "2", "3"]);
        observers.ended(ended("7"));
        drop(observers);
        assert_eq!(taken.lock().unwrap().last().map(String::as_str), Some("7"), "what waits at the end is taken");
    }
}
