import LensCommands

@main
enum Main {
    static func main() { CommandLineTool.run(LongLensCommand.self) }
}
