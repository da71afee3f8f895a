/// The version that `--version`, benchmark headers and saved files carry.
let version = "0.1.0"

/// The day of that version, which the manual page carries.
let versionDate = "2026-11-25"
