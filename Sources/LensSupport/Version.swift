/// The version of LongLens, which programs, libraries and what they write carry.
public let longLensVersion = "0.1.0"

/// The day of that version, which the manual page carries.
package let longLensVersionDate = "2026-11-25"
