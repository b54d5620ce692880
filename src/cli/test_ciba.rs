use crate::cli::exit::Exit;
#[derive(clap::Args)]
pub(super) struct Args {}
pub(super) async fn run(_: Args) -> Result<(), Exit> {
    Ok(())
}
