//! A process in a group of its own, run to its end under limits.
//!
//! One thread polls all there is to wait for: what the process prints, room for its input, its exit, the request to stop,
//! and the time. Whatever happens, its group is killed while the process is still there to be waited for, so that the number
//! of the group cannot be another's by then; and then it is waited for, so that no zombie stays. Processes that left the
//! group live on, but nobody waits for them, even if they hold the pipes.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::Stop;
use super::stop::Deadline;

const PIECE: usize = 64 << 10;

/// How much of the end of standard error is kept, in bytes.
const TAIL: usize = 8 << 10;

/// What a process is given and may use.
pub(super) struct Limits<'a> {
    pub(super) deadline: Deadline,
    /// Bytes on standard output.
    pub(super) max_output: u64,
    pub(super) stop: &'a Stop,
}

/// How a process ended.
pub(super) enum Ended {
    /// By itself: its output, the end of standard error, and its status.
    Exited { output: Vec<u8>, errors: Vec<u8>, status: ExitStatus },
    /// Its time was over.
    TimedOut,
    /// It printed more than it may.
    TooLarge,
    /// Somebody asked to stop.
    Stopped,
}

/// Starts the process and sees it to its end.
pub(super) fn run(command: &mut Command, input: &[u8], limits: &Limits<'_>) -> Result<Ended, Trouble> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    die_with_us(command);
    let child = command.spawn().map_err(Trouble::Start)?;
    let mut running = Running { child, is_reaped: false };
    running.watch(input, limits).map_err(Trouble::Watch)
}

/// What went wrong outside of the process.
pub(super) enum Trouble {
    /// It could not be started.
    Start(io::Error),
    /// It could not be watched, and was killed.
    Watch(io::Error),
}

/// Has a process end when this one is killed, so that what nobody waits for any more is not paid for. What it started itself goes on.
#[cfg(target_os = "linux")]
fn die_with_us(command: &mut Command) {
    let ask = || Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?);
    // SAFETY: all that runs between fork and exec is one system call. The signal is sent when the thread that forked ends, and
    // that thread waits for the process.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_us(_: &mut Command) {}

/// A process that was not waited for yet. Its group dies with this.
struct Running {
    child: Child,
    is_reaped: bool,
}

impl Running {
    fn watch(&mut self, input: &[u8], limits: &Limits<'_>) -> io::Result<Ended> {
        let exit = Exit::of(&self.child)?;
        let mut stdin = Input { pipe: self.child.stdin.take(), rest: input };
        let mut stdout = Output::new(self.child.stdout.take())?;
        let mut stderr = Output::new(self.child.stderr.take())?;
        if let Some(pipe) = &stdin.pipe {
            ioctl_fionbio(pipe, true)?;
        }
        loop {
            let mut fds = vec![PollFd::new(&exit, PollFlags::IN), PollFd::new(limits.stop, PollFlags::IN)];
            let pipes = [
                stdin.pipe.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::OUT)),
                stdout.pipe.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::IN)),
                stderr.pipe.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::IN)),
            ];
            fds.extend(pipes.iter().flatten().map(|(fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)));
            match poll(&mut fds, Some(&limits.deadline.remaining())) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
            let has_exited = !fds[0].revents().is_empty();
            if has_exited {
                // Nobody adds to what the pipes hold now but those who left the group, whose words do not count.
                self.kill();
                stdout.drain(limits.max_output)?;
                stderr.drain(u64::MAX)?;
            } else {
                stdin.write();
                stdout.read()?;
                stderr.read()?;
                stderr.keep(TAIL);
            }
            if stdout.bytes.len() as u64 > limits.max_output {
                return Ok(Ended::TooLarge);
            }
            if has_exited {
                drop(exit);
                stderr.keep(TAIL);
                let status = self.reap()?;
                return Ok(Ended::Exited { output: stdout.bytes, errors: stderr.bytes, status });
            }
            if limits.stop.is_stopped() {
                return Ok(Ended::Stopped);
            }
            if limits.deadline.is_past() {
                return Ok(Ended::TimedOut);
            }
        }
    }

    /// Kills the group. Fails only when there is nobody left in it.
    fn kill(&self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        self.is_reaped = true;
        self.child.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.kill();
            // An error means that somebody else waits for the children of this program.
            let _ = self.reap();
        }
    }
}

/// What is still to be written to standard input.
struct Input<'a> {
    pipe: Option<ChildStdin>,
    rest: &'a [u8],
}

impl Input<'_> {
    /// Writes what there is room for. A command that does not read its input to the end has its reasons.
    fn write(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.write(self.rest) {
            Ok(len) => self.rest = &self.rest[len..],
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return,
            Err(_) => self.rest = &[],
        }
        if self.rest.is_empty() {
            self.pipe = None;
        }
    }
}

/// What was read from a pipe.
struct Output<P> {
    pipe: Option<P>,
    bytes: Vec<u8>,
}

impl<P: Read + AsFd> Output<P> {
    fn new(pipe: Option<P>) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            ioctl_fionbio(pipe, true)?;
        }
        Ok(Self { pipe, bytes: Vec::new() })
    }

    /// Reads one piece, if there is one, and answers its length.
    fn read(&mut self) -> io::Result<u64> {
        let Some(pipe) = &mut self.pipe else { return Ok(0) };
        let mut piece = [0; PIECE];
        match pipe.read(&mut piece) {
            Ok(0) => self.pipe = None,
            Ok(len) => {
                self.bytes.extend_from_slice(&piece[..len]);
                return Ok(len as u64);
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) => return Err(e),
        }
        Ok(0)
    }

    /// Reads what the pipe holds at this moment, unless there are more than `most` bytes then.
    fn drain(&mut self, most: u64) -> io::Result<()> {
        let Some(pipe) = &self.pipe else { return Ok(()) };
        let mut left = ioctl_fionread(pipe)?;
        while left > 0 && self.bytes.len() as u64 <= most {
            match self.read()? {
                0 => break,
                len => left = left.saturating_sub(len),
            }
        }
        Ok(())
    }

    /// Forgets all but the last bytes.
    fn keep(&mut self, last: usize) {
        let surplus = self.bytes.len().saturating_sub(last);
        self.bytes.drain(..surplus);
    }
}

/// Becomes readable when a process has ended, and leaves it to be waited for.
struct Exit(OwnedFd);

impl Exit {
    fn of(child: &Child) -> io::Result<Self> {
        let pid = Pid::from_child(child);
        #[cfg(target_os = "linux")]
        if let Ok(fd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
            return Ok(Self(fd));
        }
        Self::by_thread(pid)
    }

    /// Where the system has no descriptors of processes, a thread waits, and closes a pipe.
    fn by_thread(pid: Pid) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        thread::Builder::new().name("larder-wait".into()).spawn(move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
            drop(writer);
        })?;
        Ok(Self(reader.into()))
    }
}

impl AsFd for Exit {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_sees_the_end_where_there_are_no_descriptors_of_processes() {
        let child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat");
        let mut running = Running { child, is_reaped: false };
        let exit = Exit::by_thread(Pid::from_child(&running.child)).expect("a thread");
        drop(running.child.stdin.take());
        let mut fds = [PollFd::new(&exit, PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(&Deadline::after(std::time::Duration::from_secs(20)).remaining())), Ok(1));
        assert!(running.reap().expect("it is left to be waited for").success());
    }
}
