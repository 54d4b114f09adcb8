//! Calls that outlive their request: a client that declares the tasks extension (SEP-2663) is handed a task for a long-running
//! tool, and asks how it stands when it likes. Progress is the task's status message, and a question of the tool is answered by
//! `tasks/update`.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::try_join_all;
use kumiko_catalog::contract_types::{InputRequired, InputResponse, Resumption};
use kumiko_catalog::{Asked, CallControl, Catalog, ProgressSink, Reply, Request, Update};
use kumiko_vocabulary::{Fault, FaultKind};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolResult, CancelTaskParams, ClientCapabilities, CreateTaskResult, GetTaskParams, GetTaskResult,
    UpdateTaskParams,
};
use rmcp::task_manager::{TaskContext, TaskExit, TaskManager, TaskOptions};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::input::{self, MAXIMUM_ROUNDS};
use crate::rounds::Failed;
use crate::{Caller, answer};

/// Tasks that run at once, over all callers.
const MAXIMUM_RUNNING: usize = 64;
/// Tasks that are remembered, running or ended.
const MAXIMUM_KEPT: usize = 1_000;
/// How long an outcome can be asked for at least, after the longest that the call may take.
const GRACE: Duration = Duration::from_secs(60 * 60);
/// How often clients are advised to ask, in milliseconds.
const POLL: u64 = 1_000;

/// The tasks of all callers. What the server does not finish before it stops is lost with it.
#[derive(Default)]
pub(crate) struct Tasks {
    manager: TaskManager,
    owners: Mutex<HashMap<String, Owner>>,
}

/// Whose a task is, until it is forgotten.
struct Owner {
    name: Arc<str>,
    until: Instant,
}

/// What a task runs.
pub(crate) struct Work {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) name: String,
    pub(crate) arguments: Value,
    pub(crate) asked: Asked,
    pub(crate) capabilities: ClientCapabilities,
}

impl Tasks {
    /// Starts a call that may take as long as `longest` and hands back what its caller follows it by.
    pub(crate) fn begin(&self, caller: &Caller, longest: Duration, work: Work) -> Result<CreateTaskResult, Fault> {
        let lifetime = longest + GRACE;
        let mut owners = self.owners();
        let now = Instant::now();
        owners.retain(|_, owner| owner.until > now);
        if owners.len() >= MAXIMUM_KEPT || self.manager.running_task_count() >= MAXIMUM_RUNNING {
            let message = format!("{MAXIMUM_RUNNING} tasks run already, or {MAXIMUM_KEPT} are kept");
            return Err(Fault::new(FaultKind::Unavailable, "too_many_tasks", message)
                .hint("wait for a task to end, or cancel one with tasks/cancel"));
        }
        let milliseconds = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        let options = TaskOptions::new().with_ttl_ms(milliseconds).with_poll_interval_ms(POLL);
        let task = self.manager.spawn(options, |context| work.run(context).boxed());
        // The manager keeps an ended task for once more its lifetime.
        let owner = Owner { name: Arc::clone(&caller.name), until: now + 2 * lifetime };
        owners.insert(task.task_id.clone(), owner);
        Ok(CreateTaskResult::new(task))
    }

    /// How a task stands.
    pub(crate) fn get(&self, caller: &Caller, request: &GetTaskParams) -> Result<GetTaskResult, ErrorData> {
        self.check_owner(caller, &request.task_id)?;
        self.manager.get_task(&request.task_id).map(GetTaskResult::new)
    }

    /// Hands a task the answers to its questions.
    pub(crate) fn update(&self, caller: &Caller, request: UpdateTaskParams) -> Result<(), ErrorData> {
        self.check_owner(caller, &request.task_id)?;
        self.manager.update_task(&request.task_id, request.input_responses)
    }

    /// Asks a task to stop.
    pub(crate) fn cancel(&self, caller: &Caller, request: &CancelTaskParams) -> Result<(), ErrorData> {
        self.check_owner(caller, &request.task_id)?;
        self.manager.cancel_task(&request.task_id)
    }

    /// To everybody else a task does not exist.
    fn check_owner(&self, caller: &Caller, task: &str) -> Result<(), ErrorData> {
        if self.owners().get(task).is_some_and(|owner| owner.name == caller.name) {
            return Ok(());
        }
        Err(ErrorData::invalid_params(format!("unknown task: {task}"), None))
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<String, Owner>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    /// Runs the call to its end, or to that of the client's patience.
    async fn run(self, task: TaskContext) -> Result<CallToolResult, TaskExit> {
        let cancellation = CancellationToken::new();
        let call = AssertUnwindSafe(self.rounds(&task, &cancellation)).catch_unwind();
        let watch = async {
            task.cancelled().await;
            cancellation.cancel();
            // The call ends by itself, and in its own words.
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = call => ended,
            () = watch => return Err(TaskExit::Cancelled),
        };
        match ended {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(TaskFailure::Call(Failed::Fault(fault)))) if fault.code == "cancelled" => Err(TaskExit::Cancelled),
            Ok(Err(TaskFailure::Call(Failed::Fault(fault)))) => Ok(answer::failed(&fault)),
            Ok(Err(TaskFailure::Call(Failed::Error(error)))) => Err(TaskExit::Error(error)),
            Ok(Err(TaskFailure::Exit(exit))) => Err(exit),
            Err(_) => {
                let message = "the server ran into a defect of its own; its log has the details";
                Err(TaskExit::Error(ErrorData::internal_error(message, None)))
            }
        }
    }

    async fn rounds(
        &self,
        task: &TaskContext,
        cancellation: &CancellationToken,
    ) -> Result<CallToolResult, TaskFailure> {
        let mut resumption = None;
        for round in 0..MAXIMUM_ROUNDS {
            let control = CallControl::new(Some(Arc::new(Status(task.clone()))), cancellation.clone());
            let request = Request {
                name: self.name.clone(),
                arguments: self.arguments.clone(),
                resumption: resumption.take(),
                asked: Asked { control, ..self.asked.clone() },
            };
            match self.catalog.call(request).await.map_err(Failed::from)? {
                Reply::Complete { structured, content } => return Ok(answer::complete(structured, content)),
                Reply::InputRequired(required) => resumption = Some(self.ask(task, required, round).await?),
            }
        }
        let message = format!("the plugin asked for input {MAXIMUM_ROUNDS} times without finishing");
        Err(Failed::Fault(Fault::failed("too_many_rounds", message)).into())
    }

    /// Puts a round's questions before the client and waits for all answers.
    async fn ask(&self, task: &TaskContext, required: InputRequired, round: usize) -> Result<Resumption, TaskFailure> {
        input::check_capabilities(&required, &self.capabilities).map_err(Failed::Error)?;
        let InputRequired { requests, state } = required;
        let questions = requests.into_iter().map(|request| {
            let id = request.id.clone();
            // A key serves once in a task's life, and a tool may well ask the same again.
            let key = if round == 0 { id.clone() } else { format!("{id}.{}", round + 1) };
            let question = input::wire(request).map_err(Failed::Fault);
            async move {
                let result = task.request_input(key, question?).await.map_err(TaskFailure::Exit)?;
                Ok::<_, TaskFailure>(InputResponse { id, result: result.to_string() })
            }
        });
        Ok(Resumption { state, responses: try_join_all(questions).await? })
    }
}

/// How a task's call ends when it does not finish.
enum TaskFailure {
    Call(Failed),
    Exit(TaskExit),
}

impl From<Failed> for TaskFailure {
    fn from(failed: Failed) -> Self {
        Self::Call(failed)
    }
}

/// Progress as the task's status message.
struct Status(TaskContext);

impl ProgressSink for Status {
    fn report(&self, update: Update) {
        let Update { done, total, message, .. } = update;
        let count = total.map_or_else(|| done.to_string(), |total| format!("{done} of {total}"));
        let text = if message.is_empty() { count } else { format!("{count}: {message}") };
        self.0.set_status_message(text);
    }
}
