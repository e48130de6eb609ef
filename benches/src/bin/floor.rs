//! Prints what the cryptography of an order costs on this machine, as JSON.

use certlocker_benches::floor::Floor;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let floor = Floor::measure()?;
    println!("{}", serde_json::to_string_pretty(&floor)?);
    Ok(())
}
