//! What the tests against servers have in common. Credentials and endpoints come from the environment, so each scenario runs in a copy
//! of the test program that has the environment it needs: the ignored tests are those scenarios.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Never to be seen in a message.
pub(crate) const SECRET: &str = "wJalrXUtnFEMI-never-in-a-message";

pub(crate) const CREDENTIALS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_REGION", "us-east-1")];

/// How long the server may take to start, on a machine that compiles meanwhile.
const START: Duration = Duration::from_secs(120);

/// Runs one scenario, which shows no secret, with these variables and no others.
pub(crate) fn scenario(name: &str, variables: &[(&str, &str)]) {
    let home = tempfile::TempDir::new().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "--nocapture", name])
        .env_clear()
        .env("HOME", home.path())
        .envs(variables.iter().copied());
    // Where nobody listens, as on a machine that is not in EC2.
    command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9");
    let output = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "there is no scenario {name}: {text}");
    assert!(!text.contains(SECRET), "a secret was shown");
}

/// A running moto; dropped, it ends.
pub(crate) struct Moto {
    process: Child,
    pub endpoint: String,
}

impl Moto {
    pub(crate) fn start() -> Self {
        let program = std::env::var("KUMIKO_MOTO_SERVER")
            .expect("KUMIKO_MOTO_SERVER names no moto_server: run the tests with `cargo xtask test`, which sets it up");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(&program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut moto = Self { process: command.spawn().expect(&program), endpoint: format!("http://127.0.0.1:{port}") };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(moto.process.try_wait().unwrap().is_none(), "{program} ended at once");
            assert!(started.elapsed() < START, "{program} does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        moto
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A test for each scenario of a module.
macro_rules! scenarios {
    ($module:ident: $($name:ident),* $(,)?) => { $(
        #[test]
        fn $name() {
            $module::run(concat!(stringify!($module), "::", stringify!($name)));
        }
    )* };
}
pub(crate) use scenarios;
