"""The words that rate cards speak, as plain tables: a new unit or phrase is one more entry here.

All keys are in lower case. A phrase is a tuple of words and signs as the lexer gives them.
"""

from decimal import Decimal

from poe_scraper.items import Bound

# --- currencies ---------------------------------------------------------------------------------

POINTS = {
    "point", "points", "pt", "pts",
    "积分", "点", "點", "點數", "點数", "積分", "ポイント", "포인트",
    "punto", "puntos", "punkt", "punkte", "punti", "ponto", "pontos", "punten", "poin",
    "балл", "балла", "баллов", "очков", "نقطة", "نقاط",
}  # fmt: skip
"""Poe's points, also as a card in another language names them."""

POINTS_ADJECTIVES = {"compute", "poe"}
"""What may be between a number and `points`."""

GLUE_OF_POINTS = {"-", "[", "(", "*", "_", '"', "'", "`"}
"""Signs that may be between a number and `points`: `100 [points]`."""

DOLLARS = {"usd", "dollar", "dollars", "us$"}
CENTS = {"¢", "cent", "cents", "usc"}

OTHER_CURRENCIES = {
    "€", "£", "¥", "₹", "₩", "₽", "₿", "元", "円", "eur", "euro", "euros", "gbp", "jpy", "cny", "rmb", "yen", "yuan",
    "inr", "krw", "cad", "aud", "chf", "pln", "sek", "brl", "rub", "mxn", "hkd", "sgd", "credit", "credits", "coin",
    "coins", "gem", "gems", "crédit", "crédits", "créditos", "guthaben", "кредитов",
}  # fmt: skip
"""Money that a reading has no currency for: such an amount is found, and stays unparsed."""

OTHER_DOLLARS = {"a", "au", "c", "ca", "hk", "mx", "nt", "nz", "r", "s", "sg"}
"""Letters before a `$` that make it another country's money."""

# --- units --------------------------------------------------------------------------------------

UNITS = {
    form: unit
    for unit, forms in {
        "token": "tok toks tokens",
        "character": "char chars characters",
        "word": "words",
        "second": "s sec secs seconds",
        "minute": "min mins minutes",
        "hour": "h hr hrs hours",
        "day": "days",
        "month": "months",
        "image": "img imgs images",
        "picture": "pic pics pictures",
        "photo": "photos",
        "megapixel": "mp mps megapixels",
        "pixel": "px pixels",
        "frame": "frames",
        "message": "msg msgs messages",
        "request": "req reqs requests",
        "response": "responses",
        "reply": "replies",
        "query": "queries",
        "prompt": "prompts",
        "turn": "turns",
        "search": "searches",
        "call": "calls",
        "video": "vid videos",
        "clip": "clips",
        "song": "songs",
        "track": "tracks",
        "page": "pages",
        "url": "urls",
        "link": "links",
        "kilobyte": "kb kbs kilobytes",
        "megabyte": "mb mbs megabytes",
        "gigabyte": "gb gbs gigabytes",
        "byte": "bytes",
        "file": "files",
        "document": "doc docs documents",
        "step": "steps",
        "conversion": "conversions",
        "generation": "generations gen gens",
        "run": "runs",
        "task": "tasks",
        "job": "jobs",
        "session": "sessions",
        "execution": "executions",
        "research": "",
        "model": "models",
        "row": "rows",
        "result": "results",
        "source": "sources",
        "slide": "slides",
        "chapter": "chapters",
        "iteration": "iterations",
        "edit": "edits",
        "item": "items",
        "unit": "units",
        "1": "",
        "bild": "bilder",
        "sekunde": "sekunden",
        "nachricht": "nachrichten",
        "wort": "wörter",
        "zeichen": "",
        "seite": "seiten",
        "imagen": "imágenes",
        "segundo": "segundos",
        "mensaje": "mensajes",
        "mensagem": "mensagens",
        "palabra": "palabras",
        "seconde": "secondes",
        "mot": "mots",
        "张": "",
        "次": "",
        "秒": "",
        "条": "",
    }.items()
    for form in (unit, *forms.split())
}
"""Every way to write a unit, and the lower-case singular noun it stands for."""

WEAK_UNITS = {"generation", "research", "edit", "run", "model", "source", "result", "unit", "1"}
"""Units that lose to a stronger one beside them: an `image generation` is an image."""

PICTURES = {"image", "picture", "photo", "video", "frame", "clip"}
"""Units that have a resolution: `4K` before them counts nothing."""

TIME_UNITS = {"second", "minute", "hour"}

AMOUNT_MAGNITUDES = {
    "thousand": Decimal(1000),
    "million": Decimal(1_000_000),
    "billion": Decimal(1_000_000_000),
}
"""Words that multiply the number before them."""

MAGNITUDES = {"k": Decimal(1000), "mio": Decimal(1_000_000), "mill": Decimal(1_000_000), **AMOUNT_MAGNITUDES}
"""Words that multiply a denominator: `/ k tokens`."""

UPPER_MAGNITUDES = {"K": Decimal(1000), "M": Decimal(1_000_000), "B": Decimal(1_000_000_000)}
"""Letters that do so in upper case; stuck to a number they multiply amounts too."""

MAGNITUDE_UNITS = {
    "mtok": (Decimal(1_000_000), "token"),
    "mtoks": (Decimal(1_000_000), "token"),
    "mtoken": (Decimal(1_000_000), "token"),
    "mtokens": (Decimal(1_000_000), "token"),
    "ktok": (Decimal(1000), "token"),
    "ktoks": (Decimal(1000), "token"),
    "ktoken": (Decimal(1000), "token"),
    "ktokens": (Decimal(1000), "token"),
    "kchar": (Decimal(1000), "character"),
    "kchars": (Decimal(1000), "character"),
    "mchars": (Decimal(1_000_000), "character"),
}
"""Units that carry their quantity."""

PHRASE_ENDS = {
    "of", "for", "in", "with", "without", "when", "where", "while", "if", "and", "or", "on", "at", "is", "are",
    "was", "will", "to", "from", "by", "plus", "than", "that", "which", "as", "based", "depending", "regardless",
    "including", "excluding", "after", "before", "over", "under", "up", "via", "using", "but", "then", "per",
    "each", "a", "an", "the", "you", "your", "it", "this", "not", "max", "minimum", "maximum", "about",
    "approximately", "costs", "cost", "worth", "above", "below", "beyond", "thereafter", "afterwards", "otherwise",
    "applies",
    "apply", "only", "flat", "now",
}  # fmt: skip
"""Words that end the noun after `per`."""

FOREIGN_PER = {"pro", "je", "por", "par", "für", "每", "за"}
"""What opens a denominator on a creator's card in another language."""

COUNTABLE = {
    "token", "character", "word", "image", "picture", "photo", "link", "message", "request", "response", "reply",
    "query", "prompt", "search", "call",
    "video", "clip", "song", "track", "page", "url", "kilobyte", "megabyte", "file", "document", "minute", "hour",
    "second", "conversion", "generation", "source", "result", "row", "slide", "chapter", "edit", "task",
}  # fmt: skip
"""Units that a label may count: `1 Image`, `1K characters`. A size, such as `2 MP`, counts nothing."""

COUNT_QUALIFIERS = {
    "started", "additional", "extra", "further", "next", "first", "full", "following", "subsequent", "another",
    "generated", "processed", "every", "each", "initial", "new", "begun", "commenced", "block", "of", "beyond",
}  # fmt: skip
"""Words that may be before the count of a denominator: `per started 100 words`."""

SIDE_WORDS = {"input", "output", "cost", "price", "rate", "fee", "charge", "charged"}
"""Words after a noun that tell which side of the bill it is, and name no unit."""

# --- bounds -------------------------------------------------------------------------------------

PREFIX_BOUNDS: dict[tuple[str, ...], Bound] = {
    ("up", "to"): "up_to",
    ("at", "most"): "up_to",
    ("no", "more", "than"): "up_to",
    ("less", "than"): "up_to",
    ("max",): "up_to",
    ("maximum",): "up_to",
    ("max", "of"): "up_to",
    ("maximum", "of"): "up_to",
    ("capped", "at"): "up_to",
    ("<",): "up_to",
    ("≤",): "up_to",
    ("from",): "from",
    ("starting", "at"): "from",
    ("starting", "from"): "from",
    ("starts", "at"): "from",
    ("starts", "from"): "from",
    ("start", "at"): "from",
    ("start", "from"): "from",
    ("starting",): "from",
    ("at", "least"): "from",
    ("more", "than"): "from",
    ("min",): "from",
    ("min", "."): "from",
    ("max", "."): "up_to",
    ("minimum",): "from",
    ("minimum", "of"): "from",
    (">",): "from",
    ("≥",): "from",
    ("~",): "about",
    ("≈",): "about",
    ("∼",): "about",
    ("about",): "about",
    ("around",): "about",
    ("roughly",): "about",
    ("circa",): "about",
    ("approx",): "about",
    ("approx", "."): "about",
    ("approximately",): "about",
    ("typically",): "about",
    ("usually",): "about",
    ("normally",): "about",
    ("generally",): "about",
    ("typical",): "about",
    ("average",): "about",
    ("averages",): "about",
    ("averaging",): "about",
    ("average", "of"): "about",
    ("avg",): "about",
    ("avg", "."): "about",
    ("on", "average"): "about",
    ("estimated",): "about",
    ("est", "."): "about",
}
"""What stands before an amount and bounds it."""

_NOUN_BOUNDS: dict[str, Bound] = {
    "minimum": "from",
    "maximum": "up_to",
    "average": "about",
    "typical": "about",
}
PREFIX_BOUNDS |= {
    (bounding, noun, "of"): bound
    for bounding, bound in _NOUN_BOUNDS.items()
    for noun in ("charge", "cost", "fee", "price")
}

SUFFIX_BOUNDS: dict[tuple[str, ...], Bound] = {
    ("+",): "from",
    ("or", "more"): "from",
    ("and", "up"): "from",
    ("and", "above"): "from",
    ("or", "above"): "from",
    ("minimum",): "from",
    ("min",): "from",
    ("or", "less"): "up_to",
    ("max",): "up_to",
    ("maximum",): "up_to",
    ("on", "average"): "about",
    ("average",): "about",
    ("avg",): "about",
    ("typical",): "about",
    ("typically",): "about",
    ("approx",): "about",
    ("approximately",): "about",
    ("est",): "about",
    ("estimated",): "about",
}
"""What stands after an amount and bounds it."""

TITLE_BOUNDS: dict[str, Bound] = {
    "minimum": "from",
    "min": "from",
    "starting": "from",
    "maximum": "up_to",
    "max": "up_to",
    "average": "about",
    "avg": "about",
    "typical": "about",
    "approximate": "about",
    "approx": "about",
    "estimated": "about",
    "est": "about",
}
"""What bounds the amounts of a row or column when it stands before a word for price in its title."""

TITLE_BOUNDS_ALONE = {"minimum", "maximum"}
"""Of these, those that do so as the whole title; `Max` alone is rather the name of a plan."""

TYPICAL = {
    "typical", "typically", "average", "averages", "averaging", "avg", "approximate", "approximately", "estimated",
    "usual", "usually", "approx",
}  # fmt: skip
"""Words that make the prices of a row estimates wherever they stand in its label or header."""

LEADS_TO_ESTIMATE = TYPICAL | {"normally", "generally", "roughly", "around", "often", "mostly"}
"""Words of a sentence that do so before its price."""

# --- amounts in company -------------------------------------------------------------------------

FORMERLY = {"was", "were", "previously", "formerly", "originally", "instead"}
"""Words before a former price: `was 400 points`. `instead` needs its `of`."""

NOWADAYS = {"now", "today", "currently"}
"""Words before the price that replaces it."""

CHANGES = {
    "drop", "drops", "dropped", "reduced", "reduction", "cut", "lowered", "old", "new", "was", "now", "before",
    "after", "former",
    "increase", "increased", "raised", "changed", "changes", "change", "previously", "update", "updated",
}  # fmt: skip
"""Words that make an arrow between two amounts a change."""

ARROWS = {"→", "⇒", "➜", "➔", "⟶", "➡"}
"""Signs for `from ... to` as well as for `changed to`."""

TIMES = {"×", "*", "⋅"}
"""Signs of multiplication: an amount beside one is a term of a formula."""

# --- amounts that are no prices -----------------------------------------------------------------

NO_PRICE_HEADS = {
    "nearest", "multiple", "multiples", "increments", "budget", "balance", "limit", "threshold", "hold", "holds",
    "held",
    "reserve", "reserves", "reserved", "authorization", "authorisation", "authorizes", "authorize", "preauthorizes",
    "preauthorization", "deposit", "save", "saves", "saving", "savings", "earn", "earns", "reward", "rewards", "bonus",
    "receive", "receives", "win", "refund", "refunds", "refunded", "credited", "returned", "reimbursed", "gift",
    "exceed", "exceeds", "exceeding", "exceeded", "reaches",
    "reach", "surpasses", "allowance",
}  # fmt: skip
"""Words before an amount that is a threshold, a hold, a balance, a budget, a step of rounding, a saving or a reward."""

NO_PRICE_LABELS = {
    "budget",
    "balance",
    "hold",
    "threshold",
    "limit",
    "savings",
    "reward",
    "bonus",
    "refund",
    "authorization",
}
"""Words at the end of a row's label that say the same of its amounts."""

NEEDS = {"need", "have", "needs", "has", "keep", "requires", "require", "maintain", "own"}
"""Words that make `at least 500 points` after them a balance."""

BETWEEN_HEAD_AND_AMOUNT = {
    "of", "is", "to", ":", "at", "least", "a", "an", "the", "minimum", "up", "for", "your", "you", "about", "roughly",
    "whole", "full", "~", "≈", "more", "than", "additional", "extra", "=", "any", "are", "placed", "will", "be", "max",
    "maximum", "from", "another",
}  # fmt: skip
"""What may be between such a word and the amount."""

CONDITIONS = {"if", "when", "once", "unless", "whenever", "until"}
COMPARISONS = {"above", "below", "over", "under", "exceeds", "exceed", "than", ">", "<", "≥", "≤", "reaches", "least"}
"""`if the cost is above 1,000 points`: one of each makes a threshold."""

BEHIND_NO_PRICE: tuple[tuple[str, ...], ...] = (
    ("balance",), ("in", "your", "account"), ("in", "your", "balance"), ("on", "your", "account"), ("available",),
    ("hold",), ("budget",), ("are", "held"), ("is", "held"), ("are", "reserved"), ("are", "refunded"),
    ("will", "be", "held"),
    ("will", "be", "reserved"), ("is", "reserved"), ("refund",), ("reward",), ("bonus",), ("off",),
    ("cheaper",), ("less",), ("saved",), ("remaining",), ("left",), ("limit",), ("minimum", "balance"),
    ("are", "blocked"), ("is", "blocked"),
    ("will", "be", "blocked"), ("will", "be", "refunded"), ("are", "returned"),
)  # fmt: skip
"""Words right after such an amount."""

# --- titles, labels and prose -------------------------------------------------------------------

PRICE_WORDS = {
    "rate", "rates", "cost", "costs", "price", "prices", "pricing", "fee", "fees", "charge", "charges", "amount",
    "amounts", "value", "values", "surcharge", "surcharges", "tariff", "tariffs", "billing",
}  # fmt: skip
"""Words that say `this is a price` and nothing else."""

NO_PRICE_TITLES = {
    "limit", "limits", "frame", "bit", "bitrate", "sample", "sampling", "refresh", "success", "tier", "plan", "type",
    "category", "note", "notes", "model", "models", "basis", "range", "error", "exchange", "speed", "discount",
    "aspect", "per-minute", "learning",
}  # fmt: skip
"""Words beside `rate` or `price` in a title of something else: `Frame rate`, `Price tier`."""

FOREIGN_PRICE_WORDS = {
    "费用", "價格", "价格", "费率", "費用", "費率", "単価", "料金", "価格", "가격", "비용", "요금", "preis", "preise",
    "kosten", "precio", "precios", "costo", "coste", "tarifa", "prix", "coût", "tarif", "preço", "custo", "prezzo",
    "costi",
    "prijs",
    "цена", "стоимость", "fiyat", "ücret", "harga", "biaya", "السعر", "التكلفة", "giá", "cena", "cennik",
}  # fmt: skip
"""Headers of a price column on a creator's card in another language."""

MEASURES = {
    "duration", "length", "resolution", "size", "dimensions", "context", "window", "steps", "step", "limit", "limits",
    "quantity", "count", "number", "seconds", "minutes", "frames", "fps", "aspect", "ratio", "max", "min", "images",
    "tokens", "characters", "pages", "turns", "version", "year", "date", "released", "release", "cutoff", "speed",
    "parameters", "params", "bitrate", "width", "height", "pixels", "uses", "messages", "quality", "id", "rank",
    "score",
}  # fmt: skip
"""Words in the header of a column whose bare numbers measure something else than money."""

HEADER_FILLERS = {
    "in",
    "of",
    "the",
    "total",
    "and",
    "or",
    "|",
    "(",
    ")",
    "/",
    "[",
    "]",
    ":",
    "$",
    "-",
    "&",
    "+",
    ",",
    ".",
}
"""What a price column's header may hold besides, and still name no variant."""

PLAIN_HEADER = PRICE_WORDS | HEADER_FILLERS | DOLLARS | POINTS | POINTS_ADJECTIVES | TITLE_BOUNDS.keys() | TYPICAL
"""All that may stand in the header of a price column that is no variant."""

DIVIDERS = {"per", "/", "each", "any", "every"}
"""What opens the denominator in a title."""

COUNTED = ("tokens", "characters", "chars", "words", "pixels")
"""Plurals that tell what `/1M` counts."""

UNIT_HEADERS = {"unit", "units", "per", "billing unit", "billed per", "unit of measure", "denominator", "basis"}
"""Headers of a column whose cells name the denominator."""

NOTES = {"note", "notes", "tip", "tips", "example", "examples", "e.g", "important", "disclaimer", "warning"}
"""Words that open a remark: no title, and no part of a label."""

COST_VERBS = {
    "cost", "costs", "costing", "is", "are", "priced", "charged", "billed", "requires", "require", "uses", "use",
    "takes", "take", "consumes", "consume", "charges", "charge", "runs", "pay", "pays", "equals", "averages",
    "adds", "add", "incurs", "incur", "comes", "totals", "ranges", "range", "deducts", "spends", "starts", "start",
    "varies", "needs",
}  # fmt: skip
"""Verbs that join a thing with its price."""

NOUNS_TOO = {"cost", "charge", "use", "start", "range", "add"}
"""Of these verbs, those that are nouns behind a singular: `Base cost 500 points`."""

SUBORDINATE = {"if", "when", "for", "after", "with", "in", "while", "once", "by", "on", "otherwise", "beyond"}
"""Words that open a clause before the subject."""

ADVERBS = {"typically", "usually", "normally", "generally", "currently", "now", "only", "always", "also", "just"}
"""What may stand between the thing and the verb, and is part of neither."""

AUXILIARIES = ADVERBS | {"is", "are", "be", "will", "would", "can", "may"}
"""What may stand before such a verb."""

COST_FILLERS = AUXILIARIES | {
    "at", "of", "for", "just", "a", "an", "the", "fixed", "flat", "additional", "extra", "another", "exactly",
    "standard", "have", "has", "with", "to", "that", "from", "between", "rate", "fee", "price", "charge", "total",
    "anywhere", "base", "minimum", "approximately", "about", "around", "roughly",
}  # fmt: skip
"""What may stand between such a verb and the price."""

PREPOSITIONS = {"of", "at", "for", "from", "to", "with", "a", "an", "the", "only", "just"}
"""What is no end of a label."""

ADDITION = {"plus", "+"}
"""What says behind a price that more comes on top."""

ARTICLES = {"the", "a", "an"}
PRONOUNS = {"it", "this", "that", "you", "we", "they", "i", "these", "those", "there", "which", "users"}

OPEN_WORDS = COST_VERBS | {
    "at", "of", "for", "only", "just", "a", "an", "the", "from", "to", "around", "about", "approximately", "per",
    "plus", "/", "$", "usd", "~", "=",
}  # fmt: skip
"""Words after which a wrapped line goes on."""

BILLING_WORDS = PRICE_WORDS | {
    "billed",
    "charged",
    "priced",
    "billing",
    "bill",
    "figures",
    "numbers",
    "currency",
    "unit",
    "units",
}
"""Words that open a statement of what is billed: `Billed per second`."""

STATEMENT_OPENERS = {
    "all",
    "prices",
    "costs",
    "rates",
    "amounts",
    "figures",
    "everything",
    "numbers",
    "fees",
    "charges",
    "pricing",
}
"""Words that open a statement of the currency of a whole card."""

BILLING_FILLERS = {
    "is", "are", "was", "be", "will", "all", "shown", "listed", "quoted", "given", "calculated", "computed",
    "based", "on", "a", "the", "flat", "fixed", "only", "in", "and", "or", "points", "usd", "(", ")", ":",
    "strictly", "always", "simply", "by", "at",
} | BILLING_WORDS  # fmt: skip
"""What may stand between such a word and its `per`."""

PLACEHOLDERS = {
    "",
    "-",
    "–",
    "—",
    "--",
    "---",
    "n/a",
    "na",
    "none",
    "/",
    ".",
    "…",
    "...",
    "x",
    "✗",
    "✓",
    "included",
    "tbd",
}
"""Cells that hold no price, and say nothing of one elsewhere."""

REMARKS = {
    "included", "incl", "available", "unavailable", "unsupported", "supported", "none", "same", "free", "n",
    "unlimited",
    "no", "yes", "default", "tbd", "soon", "variable", "see", "varies",
}  # fmt: skip
"""Words of a cell that says, in a column of prices, why there is none."""

FREE = {"free", "free!", "no cost", "no charge", "free of charge"}
"""Cells that say that the price is nought."""

MARKETING = {"get", "save", "earn", "receive", "win", "buy", "send", "subscribe", "enjoy", "claim", "bonus"}
"""Words that open an offer: an amount behind them is no price of the bot."""

# --- adjustments --------------------------------------------------------------------------------

ONE_TIME = {"fee", "fees", "surcharge", "flat", "one-time"}
"""Words of a price that what is billed per unit does not cover."""

CACHE = {"cache", "cached", "caching", "caches"}
WRITING = {"write", "writes", "written", "writing", "creation"}
LESS = {"discount", "discounted", "off", "less", "cheaper", "lower", "reduction", "reduced", "savings", "saving"}
MORE = {"more", "surcharge", "extra", "higher", "additional", "premium", "increase", "increased", "markup"}

MARKUP = {"markup", "surcharge", "premium", "margin", "service", "fee", "top"}
"""Words after `20 %` that make it come on top of a price."""

RIVALS = {"compared", "than", "vs", "versus", "competitors"}
"""Words of an advertisement, which compares prices with those of others."""

MULTIPLIED = {
    "the",
    "base",
    "standard",
    "normal",
    "regular",
    "price",
    "prices",
    "rate",
    "rates",
    "cost",
    "costs",
    "points",
    "usual",
    "as",
    "of",
    "list",
}
"""What may follow a factor that multiplies a price: `1.5x the base rate`."""

MULTIPLIERS = {"x", "×", "times"}
MULTIPLIER_WORDS = {"double": 2, "doubles": 2, "doubled": 2, "twice": 2, "triple": 3, "triples": 3, "tripled": 3}
TIERED = MULTIPLIERS | MULTIPLIER_WORDS.keys() | {f"x{factor}" for factor in range(1, 100)}
CONTEXT = {"context", "contexts", "prompt", "prompts", "token", "tokens"}
BILLED = PRICE_WORDS | {"input", "output"}
"""A word of each of these three stands in every statement of a context tier."""

ABOVE = {">", "≥", "over", "above", "exceeds", "exceed", "exceeding", "than", "beyond", "past", "least"}
BELOW = {"<", "≤", "under", "below", "most"}

FREE_WORDS = {"free", "included", "complimentary", "gratis"}
CALLED = {"calls", "called", "invokes", "invoked"}

SENTENCE_ENDS = {".", "!", "?"}
ABBREVIATIONS = {"e.g", "i.e", "e", "g", "i", "min", "max", "approx", "est", "avg", "vs", "etc", "incl", "no", "ca"}
"""Words whose full stop ends no sentence."""
