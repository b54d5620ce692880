use crate::cli::exit::Exit;
#[derive(clap::Args)]
pub(super) struct Args {}
pub(super) async fn run(_: Args) -> Result<(), Exit> {
    Ok(())
}
pub(super) async fn pair_virtual(_: &str, _: &str, _: &str) -> Result<Vec<u8>, String> {
    Ok(Vec::new())
}
