import LensSupport

/// The pre-tokenizer UnicodeScripts: stretches of one script, as the `tokenizers` library has it.
///
/// Han, Hiragana, Katakana and `ー` are one script. A space, or a character that Unicode does not assign, belongs to what is
/// before it; before everything it is left out.
enum UnicodeScripts {
    /// The scripts of Unicode 13, which the library knows; PCRE2 knows them all.
    private static let names = """
        Common Latin Inherited Cyrillic Greek Arabic Hebrew Hangul Devanagari Thai Bengali Adlam Ahom \
        Anatolian_Hieroglyphs Armenian Avestan Balinese Bamum Bassa_Vah Batak Bhaiksuki Bopomofo Brahmi Braille Buginese \
        Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Coptic Cuneiform Cypriot Deseret Duployan \
        Egyptian_Hieroglyphs Elbasan Ethiopic Georgian Glagolitic Gothic Grantha Gujarati Gurmukhi Hanunoo Hatran \
        Imperial_Aramaic Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Kayah_Li Kharoshthi Khmer \
        Khojki Khudawadi Lao Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Malayalam Mandaic Manichaean \
        Marchen Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar \
        Nabataean New_Tai_Lue Newa Nko Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian \
        Old_South_Arabian Old_Turkic Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician \
        Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sora_Sompeng \
        Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangut Telugu Thaana Tibetan \
        Tifinagh Tirhuta Ugaritic Vai Warang_Citi Yi
        """

    /// One script each, with what belongs to any.
    static func pattern(file: String) throws(LensError) -> Pattern {
        let names = names.split(separator: " ")
        let known = names.map { #"\p{sc:\#($0)}"# }.joined() + han
        let any = #"(?: |[^\#(known)])*+"#
        var stretches = ["(?:[\(han)]\(any))++"]
        for name in names {
            let member = name == "Common" ? #"(?![ \x{30FC}])\p{sc:Common}"# : #"\p{sc:\#(name)}"#
            stretches.append("(?:\(member)\(any))++")
        }
        return try Pattern(translated: stretches.joined(separator: "|"), source: "UnicodeScripts", file: file)
    }

    private static let han = #"\p{sc:Han}\p{sc:Hiragana}\p{sc:Katakana}\x{30FC}"#
}
