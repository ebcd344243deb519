//! Observers, each with a queue and a thread of its own: none holds up a run, and none keeps anything from the others.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::{Builder, JoinHandle, current};

use futures_util::future::join_all;
use tierfall_core::caught::caught;
use tierfall_core::observer::{Called, Ended, Observer, Room};
use tokio::sync::oneshot;

enum Told {
    Called(Arc<Called>),
    Ended(Arc<Ended>),
    /// Everything before this has been taken: whoever waits for that is told by its drop.
    All(Box<dyn Send>),
}

/// What was lost to observers that had no [room](Room) for it, each loss to each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Calls.
    pub calls: u64,
    /// Runs, and so traces.
    pub runs: u64,
}

/// Those who are told.
pub(crate) struct Observers(Vec<Arc<Queue>>);

struct Queue {
    observer: Arc<dyn Observer>,
    places: Arc<Places>,
    waiting: Option<Sender<Told>>,
    thread: Option<JoinHandle<()>>,
}

/// What may wait for an observer, what does, and what was lost since it did.
struct Places {
    calls: Line,
    runs: Line,
}

struct Line {
    room: usize,
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl Observers {
    /// Each with a queue: the one that it has, where it is told of the runs of `before` as well.
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>, before: Option<&Self>) -> io::Result<Self> {
        let there = |observer: &Arc<dyn Observer>| before?.0.iter().find(|queue| Arc::ptr_eq(&queue.observer, observer)).cloned();
        let queue = |observer| there(&observer).map_or_else(|| Queue::new(observer).map(Arc::new), Ok);
        observers.into_iter().map(queue).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nobody is told.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn called(&self, called: &Arc<Called>) {
        for queue in self.0.iter().filter(|queue| queue.places.calls.room > 0) {
            queue.tell(&queue.places.calls, Told::Called(called.clone()));
        }
    }

    pub(crate) fn ended(&self, ended: Ended) {
        let ended = Arc::new(ended);
        for queue in &self.0 {
            queue.tell(&queue.places.runs, Told::Ended(ended.clone()));
        }
    }

    pub(crate) fn lost(&self) -> Lost {
        let sum = |line: fn(&Places) -> &Line| self.0.iter().map(|queue| line(&queue.places).lost.load(Ordering::Relaxed)).sum();
        Lost { calls: sum(|places| &places.calls), runs: sum(|places| &places.runs) }
    }

    /// Waits until everything that was told is taken; an observer that waits does not wait for itself.
    pub(crate) fn flush(&self) {
        for taken in self.all(|| sync_channel::<()>(0)) {
            let _ = taken.recv();
        }
    }

    /// The same for a task; what was told before this call counts.
    pub(crate) fn flushed(&self) -> impl Future<Output = ()> + Send + use<> {
        let taken = join_all(self.all(oneshot::channel::<()>));
        async { drop(taken.await) }
    }

    /// What learns of the drop of its other half, once an observer has taken everything, one an observer.
    fn all<S: Send + 'static, R>(&self, channel: impl Fn() -> (S, R)) -> Vec<R> {
        let others = self.0.iter().filter(|queue| !queue.is_this_thread());
        let one = |queue: &Arc<Queue>| {
            let (taken, all) = channel();
            // Where nobody takes it, it is dropped.
            let _ = queue.waiting.as_ref().map(|waiting| waiting.send(Told::All(Box::new(taken))));
            all
        };
        others.map(one).collect()
    }
}

impl Queue {
    fn new(observer: Arc<dyn Observer>) -> io::Result<Self> {
        let room = caught(|| observer.room()).unwrap_or_else(|panicked| {
            tracing::error!("an observer {panicked}; it has the room that others have");
            Room::default()
        });
        let places = Arc::new(Places { calls: Line::new(room.calls), runs: Line::new(room.runs) });
        let (waiting, queue) = channel();
        let (told, freed) = (observer.clone(), places.clone());
        let thread = Builder::new().name("tierfall-observer".to_owned()).spawn(move || tell_all(&*told, &queue, &freed))?;
        Ok(Self { observer, places, waiting: Some(waiting), thread: Some(thread) })
    }

    fn tell(&self, line: &Line, told: Told) {
        if !line.enter() || self.waiting.as_ref().is_none_or(|waiting| waiting.send(told).is_err()) {
            line.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_this_thread(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.thread().id() == current().id())
    }
}

impl Line {
    fn new(room: usize) -> Self {
        Self { room, waiting: AtomicUsize::new(0), lost: AtomicU64::new(0) }
    }

    /// Takes a place, if there is one.
    fn enter(&self) -> bool {
        let next = |waiting: usize| (waiting < self.room).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    fn leave(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn tell_all(observer: &dyn Observer, queue: &Receiver<Told>, places: &Places) {
    while let Ok(told) = queue.recv() {
        let taken = caught(|| match told {
            Told::Called(called) => {
                places.calls.leave();
                observer.called(&called);
            }
            Told::Ended(ended) => {
                places.runs.leave();
                observer.ended(&ended);
            }
            Told::All(taken) => drop(taken),
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

    use futures_util::FutureExt as _;
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

    fn called() -> Arc<Called> {
        let cascade = sample::cascade(&[("only", 0.0)]).unwrap();
        let run = tierfall_core::run::Run::new(&cascade, Request::new("1", "?"));
        let tierfall_core::run::Next::Call(call) = run.next() else { unreachable!() };
        let result = Ok(Arc::new(sample::sure("yes", 0.9)));
        Arc::new(Called::new("only".into(), call, result, Took::default()))
    }

    /// Takes a run when it may.
    struct Slow {
        begun: Mutex<Sender<()>>,
        go: Mutex<Receiver<()>>,
        taken: Arc<Mutex<Vec<String>>>,
        room: Room,
    }

    impl Observer for Slow {
        fn room(&self) -> Room {
            self.room
        }

        fn called(&self, called: &Called) {
            self.taken.lock().unwrap().push(called.tier.to_string());
        }

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
        assert_eq!(observers.lost(), Lost::default());
    }

    type Stalled = (Observers, Sender<()>, Arc<Mutex<Vec<String>>>);

    /// Those who are told, of whom one holds the run "1" until the sender is dropped; and what that one has taken.
    fn stalled(room: Room) -> Stalled {
        let ((begun, has_begun), (go, may_go)) = (channel(), channel());
        let taken = Arc::<Mutex<Vec<String>>>::default();
        let slow = Slow { begun: Mutex::new(begun), go: Mutex::new(may_go), taken: taken.clone(), room };
        let observers = Observers::new(vec![Arc::new(slow)], None).unwrap();
        observers.ended(ended("1"));
        has_begun.recv().unwrap();
        (observers, go, taken)
    }

    #[test]
    fn an_observer_that_stalls_loses_what_does_not_fit_and_holds_up_nobody() {
        let (observers, go, taken) = stalled(Room { calls: 1, runs: 2 });
        // It holds the first; two more wait, and whatever comes then is lost at once. Calls take no run's place.
        for id in ["2", "3", "4", "5", "6"] {
            observers.called(&called());
            observers.ended(ended(id));
        }
        assert_eq!((observers.lost(), taken.lock().unwrap().len()), (Lost { calls: 4, runs: 3 }, 0));
        drop(go);
        observers.flush();
        assert_eq!(*taken.lock().unwrap(), ["1", "only", "2", "3"]);
        observers.ended(ended("7"));
        drop(observers);
        assert_eq!(taken.lock().unwrap().last().map(String::as_str), Some("7"), "what waits at the end is taken");
    }

    #[test]
    fn what_an_observer_has_no_room_for_by_its_own_word_is_not_lost() {
        let (observers, go, taken) = stalled(Room { calls: 0, runs: usize::MAX });
        for n in 0..10_000 {
            observers.called(&called());
            observers.ended(ended(&n.to_string()));
        }
        assert_eq!(observers.lost(), Lost::default());
        drop(go);
        observers.flush();
        assert_eq!(taken.lock().unwrap().len(), 10_001, "runs alone, and all of them");
    }

    #[test]
    fn a_task_waits_for_what_was_told_and_blocks_nobody() {
        let (observers, go, taken) = stalled(Room::default());
        observers.ended(ended("2"));
        let mut flushed = Box::pin(observers.flushed());
        assert!(flushed.as_mut().now_or_never().is_none(), "it is still at the first");
        // Who no longer waits holds up nobody.
        drop(observers.flushed());
        drop(go);
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(flushed);
        assert_eq!(*taken.lock().unwrap(), ["1", "2"]);
    }
}
