//! Runs the real binary in a folder of its own.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use insta::internals::SettingsBindDropGuard;
use tempfile::TempDir;

/// How long anything may take before a test gives up instead of hanging.
const PATIENCE: Duration = Duration::from_mins(1);

/// Two simulated tiers; the id decides which of them answers.
pub(crate) const CASCADE: &str = r#"version = 1
name = "two"

[provider.sim.simulated]
seed = 7
models.small = { ability = 0.4 }
models.large = { ability = 0.9 }

[[tier]]
name = "small"
model = "sim/small"
price = { input = "0.1", output = "0.2" }
gate = { signal = "mean-logprob", threshold = 0.85 }

[[tier]]
name = "large"
model = "sim/large"
price = { input = 2, output = 8 }
"#;

/// A folder with files, in which commands run. Snapshots made while it lives hide times, ports and ids.
pub(crate) struct Sandbox {
    dir: TempDir,
    _filters: SettingsBindDropGuard,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r" +\d+(\.\d+)? (µs|ms|s)\b", " [time]");
        settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:[port]");
        settings.add_filter(r"req-[0-9a-f]+-\d+", "[request-id]");
        Self { dir: tempfile::tempdir().unwrap(), _filters: settings.bind_to_scope() }
    }

    /// A folder that has [`CASCADE`] as `two.cascade.toml`.
    pub(crate) fn with_cascade() -> Self {
        let sandbox = Self::new();
        sandbox.write("two.cascade.toml", CASCADE);
        sandbox
    }

    /// A folder that has the repository's own cascade and fixture set, as they are committed.
    pub(crate) fn with_support() -> Self {
        let sandbox = Self::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for folder in
            ["cascades", "cascades/support", "fixtures/support", "fixtures/support/recordings", "fixtures/support/grades"]
        {
            for entry in fs_err::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    sandbox.write(&format!("{folder}/{name}"), fs_err::read(&path).unwrap());
                }
            }
        }
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text.as_ref()).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// The lines of a JSON Lines file; none where there is no file.
    pub(crate) fn lines(&self, name: &str) -> Vec<serde_json::Value> {
        let text = fs_err::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The command, with nothing of this process's environment that it looks at.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tierfall"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        for name in ["RUST_LOG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "COLUMNS", "CI"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran(self.command(args).output().unwrap())
    }

    /// With more in its environment.
    pub(crate) fn run_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Ran {
        Ran(self.command(args).envs(environment.iter().copied()).output().unwrap())
    }

    /// Runs lines of a shell that finds the command under its name.
    pub(crate) fn shell(&self, lines: &str) -> Output {
        let binary = Path::new(env!("CARGO_BIN_EXE_tierfall"));
        #[expect(clippy::disallowed_methods, reason = "the shell's own commands are found there")]
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", binary.parent().unwrap().display());
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", lines]).current_dir(self.dir.path()).stdin(Stdio::null()).env("PATH", path);
        shell.env_remove("RUST_LOG").output().unwrap()
    }

    pub(crate) fn pipe(&self, args: &[&str], stdin: impl AsRef<[u8]>) -> Ran {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_ref()).unwrap();
        Ran(child.wait_with_output().unwrap())
    }

    /// Starts the command, waits until `reached`, and presses Ctrl-C.
    pub(crate) fn interrupt(&self, args: &[&str], reached: impl FnMut() -> bool) -> Ran {
        self.signal("INT", args, reached)
    }

    /// The same with another signal.
    pub(crate) fn signal(&self, name: &str, args: &[&str], reached: impl FnMut() -> bool) -> Ran {
        let child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("the command came so far", reached);
        signal(name, &child);
        Ran(child.wait_with_output().unwrap())
    }

    /// Starts `tierfall simulate` on a free port.
    pub(crate) fn simulate(&self, args: &[&str]) -> Simulated {
        let mut command = self.command(&["simulate", "--port", "0"]);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Simulated { child, base_url: line.trim().to_owned() }
    }

    /// A fixture set of `n` questions in `fixtures/NAME`. A simulated answer says itself whether it is right.
    pub(crate) fn fixture_set(&self, name: &str, n: usize) {
        let set = format!("name = \"{name}\"\nsplits = [\"test\"]\ntiers = [\"small\", \"large\"]\ngrader = \"contains-all\"\n");
        self.write(&format!("fixtures/{name}/set.toml"), set);
        let example = |n| {
            let names = format!("\"id\": \"q{n:02}\", \"segment\": \"orders\", \"split\": \"test\"");
            format!("{{{names}, \"query\": \"Where is order {n}?\", \"expected\": [\"right\"]}}")
        };
        self.write(&format!("fixtures/{name}/examples.jsonl"), lines((0..n).map(example)));
    }
}

/// What a command did.
#[derive(Debug, PartialEq)]
pub(crate) struct Ran(Output);

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self(output)
    }
}

impl Ran {
    pub(crate) fn of(mut command: Command) -> Self {
        Self(command.output().unwrap())
    }

    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    pub(crate) fn stdout(&self) -> &str {
        std::str::from_utf8(&self.0.stdout).unwrap()
    }

    pub(crate) fn stderr(&self) -> &str {
        std::str::from_utf8(&self.0.stderr).unwrap()
    }

    /// stdout, which must be nothing but one JSON value.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.stdout()).unwrap_or_else(|error| panic!("{error} in stdout of:\n{self}"))
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.0.status.code(), Some(code), "{self}");
        self
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exit {}", self.code())?;
        for (name, bytes) in [("stdout", &self.0.stdout), ("stderr", &self.0.stderr)] {
            if !bytes.is_empty() {
                writeln!(f, "-- {name}\n{}", String::from_utf8_lossy(bytes).trim_end())?;
            }
        }
        Ok(())
    }
}

/// A simulated provider in a process of its own; it ends with its test.
pub(crate) struct Simulated {
    child: Child,
    pub(crate) base_url: String,
}

impl Simulated {
    pub(crate) fn address(&self) -> SocketAddr {
        self.base_url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap().parse().unwrap()
    }

    /// Sends one request and reads the whole reply, head included.
    pub(crate) fn http(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut stream = self.begin(method, path, headers, body);
        let mut reply = Vec::new();
        // A connection that breaks off has still said something.
        let _ = stream.read_to_end(&mut reply);
        String::from_utf8(reply).unwrap()
    }

    /// Sends one request.
    pub(crate) fn begin(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        stream
    }

    pub(crate) fn chat(&self, body: &str) -> String {
        self.http("POST", "/v1/chat/completions", "", body)
    }

    /// Presses Ctrl-C and gives the exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        signal("INT", &self.child);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal(name: &str, child: &Child) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}

/// Looks again and again until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let steps = PATIENCE.as_millis() / 5;
    for _ in 0..steps {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("waited in vain until {what}");
}

/// The text of a file of the repository.
pub(crate) fn of_the_repository(path: &str) -> String {
    fs_err::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// The text of a JSON Lines file.
pub(crate) fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}
