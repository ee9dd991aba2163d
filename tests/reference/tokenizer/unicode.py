"""Writes runtime/unicode/UnicodeTables.h: where the Unicode tables behind Hugging Face's `tokenizers`
differ from those of utf8proc and PCRE2, asked from all three, code point by code point.

    python3 unicode.py            (pip install tokenizers==0.23.3; libutf8proc.so.2, libpcre2-8.so.0)
"""

import ctypes
import pathlib
import struct
import textwrap

from tokenizers import Regex, normalizers, pre_tokenizers

HERE = pathlib.Path(__file__).parent
POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
utf8proc = ctypes.CDLL("libutf8proc.so.2")
utf8proc.utf8proc_grapheme_break.restype = ctypes.c_bool
utf8proc.utf8proc_category_string.restype = ctypes.c_char_p
CATEGORY = {c: utf8proc.utf8proc_category_string(c).decode() for c in POINTS}
GROUPS = ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"]
GROUPS += ["Sm", "Sc", "Sk", "So", "Cf"]
SCRIPTS = ["Han", "Hiragana", "Katakana", "Hangul", "Latin", "Cyrillic", "Arabic", "Greek"]
PROPERTIES = ["Alphabetic", "Uppercase", "Lowercase"]


def matched(regex):
    """The code points that a regular expression for one character matches."""
    remove = normalizers.Replace(Regex(regex), "")
    found = set()
    for i in range(0, len(POINTS), 4096):
        chunk = POINTS[i : i + 4096]
        left = set(remove.normalize_str("".join(map(chr, chunk))))
        found |= {c for c in chunk if chr(c) not in left}
    return found


def unassigned():
    """The code points that PCRE2 does not know."""
    pcre2 = ctypes.CDLL("libpcre2-8.so.0")
    pcre2.pcre2_compile_8.restype = pcre2.pcre2_match_data_create_8.restype = ctypes.c_void_p
    place = ctypes.byref(ctypes.c_size_t())
    utf = 0x00080000
    code = pcre2.pcre2_compile_8(b"\\p{Cn}", ctypes.c_size_t(6), utf, place, place, None)
    code, data = ctypes.c_void_p(code), ctypes.c_void_p(pcre2.pcre2_match_data_create_8(1, None))
    zero = ctypes.c_size_t(0)

    def unknown(character):
        return pcre2.pcre2_match_8(code, character, ctypes.c_size_t(len(character)), zero, 0, data, None) > 0

    return {c for c in POINTS if unknown(chr(c).encode())}


def ours(test):
    return {c for c in POINTS if test(CATEGORY[c])}


def changes(normalizer):
    return {c: text for c in POINTS if (text := normalizer.normalize_str(chr(c))) != chr(c)}


def cuts(pre_tokenizer):
    """Code points at which a pre-tokenizer cuts between two letters."""
    return {c for c in POINTS if len(pre_tokenizer.pre_tokenize_str(f"a{chr(c)}a")) != 1}


def bert(**on):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **on})


def extenders():
    """Code points that are one user-perceived character with a letter before: a table of replacements whose
    only entry is the letter swallows them."""
    units = [0] * 256
    units[0x41] = 0x41 | 1 << 8 | 1 << 10
    units[0x40] = 1 << 31
    table = struct.pack("<257I", 4 * len(units), *units) + b"B\0"
    replace = normalizers.Precompiled(table)
    return {c for c in POINTS if c > 0x7F and replace.normalize_str("A" + chr(c)) == "B"}


def ranges(points):
    runs = []
    for c in sorted(points):
        if runs and runs[-1][1] == c - 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return runs


def scripts():
    """(first code point, number of its script); 0: any script."""
    cutter = pre_tokenizers.UnicodeScripts()
    known, table, last = ["a"], [], None
    same = lambda a, b: len(cutter.pre_tokenize_str(a + b)) == 1
    for c in POINTS:
        character = chr(c)
        if last and same(known[last - 1], character) and not same(known[last - 2], character):
            script = last
        elif same("a", character) and same("\u0434", character):
            script = 0
        else:
            script = next((i + 1 for i, k in enumerate(known) if same(k, character)), None)
            if script is None:
                known.append(character)
                script = len(known)
        if not table or table[-1][1] != script:
            table.append((c, script))
        last = script
    return table


def difference(theirs, mine):
    """Rows {first, last, belongs}."""
    rows = [(a, b, "true") for a, b in ranges(theirs - mine)] + [(a, b, "false") for a, b in ranges(mine - theirs)]
    return sorted(rows)


def emit(name, kind, rows):
    cells = [",".join(f"0x{v:x}" if isinstance(v, int) and v > 0xFFF else str(v) for v in row) for row in rows]
    body = textwrap.fill(", ".join("{" + cell + "}" for cell in cells), 98, break_on_hyphens=False)
    return f"inline constexpr {kind} {name}[] = {{\n{body}}};\n"


def main():
    out = ["// Where the tables behind Hugging Face's tokenizers differ from utf8proc's, by"]
    out += [
        "// version of Unicode. Made by tests/reference/tokenizer/unicode.py.",
        "// clang-format off",
        "#pragma once\n",
    ]
    out += ["#include <cstdint>\n", "namespace sluice::unicode::tables {\n"]
    out += ["// Code points that belong to a set although utf8proc says no, or the reverse."]
    out += ["struct Change { uint32_t first, last; bool belongs; };"]
    mark = lambda k: k[0] == "M"
    ascii_symbols = {c for c in range(33, 127) if not chr(c).isalnum()}
    controls = ours(lambda k: k in ("Cc", "Cf", "Co")) - {9, 10, 13} | {0xFFFD}
    accents = {c for c, text in changes(bert(strip_accents=True)).items() if text == ""}
    word = ours(lambda k: k[0] in "LM" or k in ("Nd", "Nl", "Pc"))
    rust = pre_tokenizers.Whitespace()
    rust_word = {c for c in POINTS if [p for p, _ in rust.pre_tokenize_str(f"a{chr(c)}a")] == [f"a{chr(c)}a"]}
    sets = [
        ("marks", set(changes(normalizers.StripAccents())), ours(mark)),
        ("nonspacing", accents, ours(lambda k: k == "Mn")),
        ("controls", {c for c, t in changes(bert(clean_text=True)).items() if t == ""}, controls),
        ("punctuation", cuts(pre_tokenizers.Punctuation()), ours(lambda k: k[0] == "P") | ascii_symbols),
        ("numbers", cuts(pre_tokenizers.Digits(individual_digits=True)), ours(lambda k: k[0] == "N")),
        ("words", rust_word, word),
        ("extenders", extenders(), {c for c in POINTS if c > 0x7F and not utf8proc.utf8proc_grapheme_break(0x41, c)}),
    ]
    for name, theirs, mine in sets:
        out.append(emit(name, "Change", difference(theirs, mine)))
    out += ["struct Range { uint32_t first, last; };", "// Code points that do not decompose."]
    whole = lambda form: {c for c in POINTS if decomposes(c) and form.normalize_str(chr(c)) == chr(c)}
    out.append(emit("undecomposed", "Range", ranges(whole(normalizers.NFKD()))))
    out += ["// Lower case; first and last of a run, and what is added to each."]
    out += ["struct Shift { uint32_t first, last; int32_t by; };"]
    lower = {c: t for c, t in changes(normalizers.Lowercase()).items() if len(t) == 1}
    shifts = [(c, c, ord(t) - c) for c, t in lower.items() if utf8proc.utf8proc_tolower(c) != ord(t)]
    out.append(emit("lowered", "Shift", joined(shifts)))
    out += ["// What regular expressions find beyond PCRE2's tables: categories, scripts,"]
    out += ["// properties, and `w` for [\\w] beyond [\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}]."]
    out += ["struct Named { const char *name; uint32_t first, last; };"]
    new = unassigned()
    names = GROUPS + SCRIPTS + PROPERTIES
    rows = [(f'"{n}"', a, b) for n in names for a, b in ranges(matched(f"\\p{{{n}}}") & new)]
    rows += [('"w"', a, b) for a, b in ranges(matched("[\\w]") - (word - new))]
    out.append(emit("regex", "Named", rows))
    out += ["// Numbers of scripts, each up to the next entry; 0: goes with any."]
    out += ["struct Script { uint32_t first; uint8_t number; };", emit("scripts", "Script", scripts())]
    out += ["} // namespace sluice::unicode::tables"]
    (HERE.parents[2] / "runtime/unicode/UnicodeTables.h").write_text("\n".join(out) + "\n")


def decomposes(c):
    buffer = (ctypes.c_int32 * 32)()
    compatible = 1 << 2 | 1 << 4  # COMPAT, DECOMPOSE
    count = utf8proc.utf8proc_decompose_char(c, buffer, 32, compatible, ctypes.byref(ctypes.c_int()))
    return count != 1 or buffer[0] != c


def joined(shifts):
    runs = []
    for first, last, by in shifts:
        if runs and runs[-1][1] == first - 1 and runs[-1][2] == by:
            runs[-1] = (runs[-1][0], last, by)
        else:
            runs.append((first, last, by))
    return runs


if __name__ == "__main__":
    main()
