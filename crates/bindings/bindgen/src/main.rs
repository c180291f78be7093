//! `legation-bindgen MODULE.wasm FOLDER`: writes the JavaScript that loads a module, for `web`, which all others can be loaded as.

use std::{env, error::Error, path::PathBuf};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(module), Some(folder), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: legation-bindgen MODULE.wasm FOLDER".into());
    };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name("legation")
        .web(true)?
        .typescript(true)
        .remove_producers_section(true);
    Ok(bindgen.generate(folder)?)
}
