import LensSupport
import Testing

@Suite struct ForeignFileTests {
    private func described(_ start: [UInt8]) -> String { ForeignFile.error(start, path: "x")?.message ?? "" }
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
        #expect(described("lmgg\u{1}\0\0\0").contains("GGML"))
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

    private func asDocument(_ start: [UInt8], evenText: Bool = false) -> String? {
        ForeignFile.describe(start, as: .document, evenText: evenText)
    }

    /// One table: what is no model is told of a document too, with advice for documents.
    @Test func tellsWhatIsNoDocument() {
        #expect(asDocument(Array("GGUF\u{3}\0\0\0".utf8))?.contains("GGUF model: give it with --model") == true)
        #expect(asDocument([16, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\":{}}".utf8))?.contains("safetensors") == true)
        #expect(
            asDocument([0x0A, 0x0E, 0x0A, 5] + Array("<unk>".utf8) + [0x15, 0, 0, 0])?.contains("SentencePiece") == true
        )
        #expect(asDocument([0x80, 2, 0x8A, 10, 0x6C])?.contains("pickle") == true)
        #expect(asDocument([0x50, 0x4B, 3, 4, 20, 0])?.contains(".docx") == true)
        #expect(asDocument([0x89, 0x50, 0x4E, 0x47, 13])?.contains("PNG image") == true)
        #expect(asDocument([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C])?.contains("7z x") == true)
        #expect(asDocument([]) == nil)
    }

    /// Texts may begin as a page does, and with the letters of a mark.
    @Test func leavesTextsAlone() {
        let page = Array("<html><body>".utf8)
        #expect(asDocument(page) == nil && asDocument(page, evenText: true)?.contains("web page") == true)
        for text in ["BZh means nothing", "PAR1 is a name", "ARROW1 too", "lmgg is no word", "PK", "\n\nIt begins."] {
            #expect(asDocument(Array(text.utf8)) == nil && described(text) == "", "\(text)")
        }
    }
}
