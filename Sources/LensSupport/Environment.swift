#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The value of an environment variable, nil where it is not set.
package func environment(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
