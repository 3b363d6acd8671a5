/** Text that clients and administrators can send, and that no output may act upon. */
export const hostile: Readonly<Record<string, string>> = {
  "a newline": "a\nb",
  "a return": "safe\rEVIL",
  "an ANSI colour": "\u001b[31mred\u001b[0m",
  "a window title": "\u001b]0;owned\u0007",
  "a C1 control": "a\u009b31mb",
  "a NUL": "a\u0000b",
  "a tab": "a\tb",
  "a backspace": "abc\b\b\bxyz",
  "a right-to-left override": "a\u202egnp.exe",
  "an isolate": "a\u2067b\u2069",
  "an Arabic mark": "a\u061cb",
  "marks of direction": "a\u200eb\u200f",
  "blanks of no width": "a\u200bb\u2060c\u2063\ufeff",
  "a line separator": "a\u2028b",
  "half a character": "a\ud800b",
  "a formula": "=HYPERLINK(\"http://evil\",\"x\")",
  "a formula after blanks": "  =1+1",
  "a formula after a tab": "\t=1+1",
  "a command": "@SUM(A1:A2)",
  "a sum": "+1+cmd|' /C calc'!A0",
  "a difference": "-2+3",
  quotes: "\"a\",\"b\"",
  HTML: "<img src=x onerror=alert(1)>",
  "a keyword of dnsmasq": "ignore",
  "three hundred bytes": "x".repeat(300)
}

/** Whatever a terminal acts upon, but for line ends. */
export const acts =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]|\p{Surrogate}/u
