import LensSupport
import Testing

@Suite struct ForeignFileTests {
    private func described(_ start: [UInt8]) -> String { ForeignFile.describe(start, byteCount: start.count) ?? "" }
    private func described(_ text: String) -> String { described(Array(text.utf8)) }

    @Test func tellsWhatFilesAre() {
        #expect(described([]).contains("empty"))
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4cac19\nsize 270590880\n"
        #expect(described(pointer).contains("270590880 bytes") && described(pointer).contains("git lfs pull"))
        #expect(described("\n <!doctype HTML><html>").contains("web page"))
        #expect(described("<?xml version=\"1.0\"?><Error>").contains("XML"))
        #expect(
            described([0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26) + Array("archive/data.pkl".utf8)).contains(
                "PyTorch"))
        #expect(described([0x50, 0x4B, 3, 4, 20, 0]).contains("unzip"))
        #expect(described([0x80, 2, 0x8A, 10, 0x6C]).contains("pickle"))
        #expect(described([0x1F, 0x8B, 8, 0]).contains("gunzip"))
        #expect(described([0x0A, 0x0E, 0x0A, 5] + Array("<unk>".utf8) + [0x15, 0, 0, 0, 0]).contains("SentencePiece"))
        #expect(described("lmgg....").contains("GGML"))
        #expect(described("%PDF-1.7").contains("PDF"))
        #expect(described(Array("{\"a\": 1}".utf8).flatMap { [$0, 0] }).contains("UTF-16LE"))
        #expect(described(Array("{\"a\": 1}".utf8).flatMap { [0, $0] }).contains("UTF-16BE"))
        #expect(described([0xFF, 0xFE, 0x7B, 0]).contains("UTF-16"))
        #expect(described([0xFF, 0xFE, 0, 0, 0x7B, 0, 0, 0]).contains("UTF-32"))
    }

    /// A llama2.c file has no mark: its first bytes are the sizes of the model.
    @Test func leavesModelsAlone() {
        for size in [32, 64, 288, 512, 640, 768, 1024, 2048, 4096, 8192] as [UInt32] {
            let bytes = [size, 768, 6, 6, 6, 32000, 256].flatMap { x in
                (0..<4).map { UInt8(truncatingIfNeeded: x >> (8 * $0)) }
            }
            #expect(described(bytes) == "", "\(size)")
        }
        #expect(described("GGUF\u{3}\0\0\0") == "" && described("{\"a\": 1}") == "" && described("plain text") == "")
        #expect(described([UInt8](repeating: 0, count: 8)) == "")
    }
}
