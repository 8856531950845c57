//! The end of a model that is trained on: another output layer, and one more dense layer before it.

use super::{Layer, LayerKind, Model, relu_name};
use crate::error::{Error, Result};

impl Model {
    /// The model with an output layer for `classes` conditions; with `dense` also one more dense layer of that many
    /// units with ReLU before it, called `head1` or the first such name that is free, and `+dense` behind the model's
    /// own name.
    ///
    /// # Errors
    /// If the last layer is not a dense one, or the new layers would be too large.
    pub fn with_head(&self, classes: usize, dense: Option<usize>) -> Result<Self> {
        let mut model = self.clone();
        let output = match model.layers.pop() {
            Some(Layer { name, kind: LayerKind::Dense { .. } }) => name,
            last => {
                let last =
                    last.map_or(String::new(), |l| format!(" '{}' of type {}", l.name, l.kind.type_name()));
                return Err(Error::input(format!(
                    "model '{}' ends with{last}: another output layer can only take the place of a dense one",
                    self.name
                )));
            }
        };
        if let Some(units) = dense {
            let free = |name: &String| self.layers.iter().all(|layer| layer.name != *name);
            let name =
                (1..).map(|number| format!("head{number}")).find(|name| free(name) && free(&relu_name(name)));
            let name = name.expect("a model has fewer layers than there are numbers");
            let relu = Layer { name: relu_name(&name), kind: LayerKind::Relu };
            model.layers.extend([Layer { name, kind: LayerKind::Dense { units } }, relu]);
            model.name.push_str("+dense");
        }
        model.layers.push(Layer { name: output, kind: LayerKind::Dense { units: classes } });
        model.shapes()?;
        Ok(model)
    }
}
