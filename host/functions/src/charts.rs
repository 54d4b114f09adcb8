//! `kumiko:host/charts`: pictures.

use kumiko_vocabulary::figures::Figure;
use wasmtime::component::HasData;

use crate::bindings::kumiko::host::charts as contract;
use crate::state::Shared;
use crate::{Refusal, documents};

pub(crate) struct Charts;

impl HasData for Charts {
    type Data<'a> = ChartsView<'a>;
}

/// The borrowed view on which the contract is implemented.
pub(crate) struct ChartsView<'a> {
    pub(crate) call: Shared<'a>,
}

impl contract::Host for ChartsView<'_> {
    async fn draw(&mut self, figure: String) -> Result<contract::Drawing, Refusal> {
        let figure: Figure = documents::parse("figure", &figure)?;
        let drawing = self.call.compute(move |_| kumiko_charts::draw(&figure)).await?;
        Ok(contract::Drawing { svg: drawing.svg, png: drawing.png })
    }
}
