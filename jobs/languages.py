"""The languages that each transcription tier accepts: the one place that lists them.

Codes are ISO 639-1 as Whisper writes them (`haw`, `yue` and `fil` have no two-letter code; Javanese is `jw`).
The API's validation, automatic detection and the documentation pages read these tuples; how a tag such as
`pt-BR` is cut to `pt` is the API's business.
"""

AUTO = "auto"

# Whisper's hundred less he, sq, ht and yue.
STANDARD_LANGUAGES: tuple[str, ...] = tuple(
    """
    af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw hi hr hu hy id is it ja
    jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so
    sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh
    """.split()
)

PREMIUM_LANGUAGES: tuple[str, ...] = tuple(
    "ar cs da de el en es fa fi fil fr hi hu id it ja ko mk ms nl pl pt ro ru sv th tr vi yue zh".split()
)

LANGUAGES_BY_TIER: dict[str, tuple[str, ...]] = {"standard": STANDARD_LANGUAGES, "premium": PREMIUM_LANGUAGES}
