//! The way from the runtime to the ZAP handler of a context: whoever has bound the endpoint that
//! 27/ZAP names. Called by the I/O threads through `runtime::Threads`.

use std::sync::Arc;

use super::Core;
use crate::error::Result;
use crate::message::Metadata;
use crate::patterns::Attach;
use crate::pipe::{EndConfig, Notify, Pipe, PipeConfig, Style, pair};

/// The address behind `inproc://`.
const HANDLER: &str = "zeromq.zap.01";

impl Core {
    /// A pipe to the ZAP handler, its events go to `client`. `None` if there is no handler; fails without memory.
    pub(super) fn zap_pipe(&self, client: Arc<dyn Notify>) -> Result<Option<Pipe>> {
        let Some(handler) = self.inproc.find(HANDLER) else { return Ok(None) };
        let config =
            PipeConfig { styles: (Style::Memory, Style::Memory), conflate: (false, false) };
        // A request must not be lost to a high water mark.
        let near = EndConfig { owner: client, marks: Some((0, 0)) };
        let marks = Some((handler.sndhwm, handler.rcvhwm));
        let far = EndConfig { owner: handler.owner.clone(), marks };
        let (mut near, far) = pair(config, near, far);
        if handler.wants_routing_id {
            near.write_metadata(Arc::new(Metadata::new()))?;
        }
        handler.owner.attach(far, Attach::default());
        Ok(Some(near))
    }
}
