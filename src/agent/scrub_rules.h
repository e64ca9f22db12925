/*  agent/scrub_rules.h - the shapes of secrets, as PCRE2 patterns, for scrub.c alone

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Rules of the rules: bytes, not characters; every repetition is possessive
    or bounded, so that no text takes more than linear time; a shape begins at
    a word's beginning, so that "task-notification" is no "sk-" key; what
    stands before \K is kept.
*/

/*  Not in the middle of a word. */
#define NEW "(?<![A-Za-z0-9])"

/*  White space in a key block, also as it is escaped in JSON. */
#define KEY_SPACE "(?:\\s|\\\\[nrt])*+"
#define KEY_LABEL "(?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----"

#define KEY_HEADER "[A-Z][A-Za-z-]{2,30}+: [^\\n\\\\]{0,200}+"

/*  Names of what is worth hiding, and values that are none: other names of the
    same thing, references, calls, types. */
#define SECRET_NAME "(?i:pass(?:word|wd|phrase)|secret[_-]?key|api[_-]?key|access[_-]?key|auth[_-]?token" \
    "|access[_-]?token|refresh[_-]?token|client[_-]?secret|private[_-]?token)"
#define NO_VALUE "(?![$<{(\\[*%]|[A-Za-z_.]{0,64}+\\(|(?i:none|null|true|false|undefined|string|required|example|" \
    SECRET_NAME "|self\\.|this\\.|os\\.|process\\.|args\\.|config\\.|settings\\.)\\b)"
/*  At least one digit near its beginning, as prose has not. */
#define WITH_DIGIT "(?=[^\\s0-9]{0,64}+[0-9])"

static const char *const s_rules[] = {
    /*  private keys: header lines and base64, up to the end line or the end */
    "-----BEGIN " KEY_LABEL "(?:(?:" KEY_SPACE "(?:[A-Za-z0-9+/=]{16,}+|" KEY_HEADER "))++"
        "(?:" KEY_SPACE "[A-Za-z0-9+/=]{1,15}+(?=" KEY_SPACE "(?:-----END|\\z)))?+"
        "(?:" KEY_SPACE "(?:-----END " KEY_LABEL "|\\z))?+|" KEY_SPACE "\\z)",
    /*  Anthropic, OpenAI and what follows their form */
    NEW "sk-ant-[A-Za-z0-9_-]{16,}+",
    NEW "sk-(?:proj|svcacct|admin|or|live|test)-[A-Za-z0-9_-]{20,}+",
    NEW "sk-[A-Za-z0-9]{20,}+",
    /*  GitHub, GitLab */
    NEW "gh[pousr]_[A-Za-z0-9]{20,}+",
    NEW "github_pat_[A-Za-z0-9_]{20,}+",
    NEW "gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_.-]{16,}+",
    /*  Slack */
    NEW "xox[abcdeoprs]-[A-Za-z0-9-]{10,}+",
    NEW "xapp-[0-9]-[A-Za-z0-9-]{10,}+",
    "hooks\\.slack\\.com/services/\\K[A-Za-z0-9/_-]{20,}+",
    /*  AWS, Google */
    NEW "A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}+(?![A-Za-z0-9])",
    NEW "AIza[A-Za-z0-9_-]{30,}+",
    NEW "ya29\\.[A-Za-z0-9_-]{20,}+",
    NEW "GOCSPX-[A-Za-z0-9_-]{20,}+",
    /*  Stripe, npm, PyPI, Hugging Face, SendGrid */
    NEW "[sr]k_(?:live|test)_[A-Za-z0-9]{10,}+",
    NEW "whsec_[A-Za-z0-9+/=]{16,}+",
    NEW "npm_[A-Za-z0-9]{30,}+",
    NEW "pypi-[A-Za-z0-9_-]{40,}+",
    NEW "hf_[A-Za-z0-9]{30,}+",
    NEW "SG\\.[A-Za-z0-9_-]{16,}+\\.[A-Za-z0-9_-]{16,}+",
    /*  JSON Web Tokens */
    "(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\\.[A-Za-z0-9_-]{8,}+\\.[A-Za-z0-9_-]{8,}+",
    /*  headers */
    NEW "(?i:bearer)[ \\t]{1,8}+\\K[A-Za-z0-9._~+/-]{16,}+=*+",
    NEW "(?i:authorization)\\\\?[\"']?[ \\t]{0,4}+[:=][ \\t]{0,4}+\\\\?[\"']?(?i:basic|token|apikey)[ \\t]{1,8}+"
        "\\K[A-Za-z0-9._~+/=-]{8,}+",
    NEW "(?i:x-api-key)\\\\?[\"']?[ \\t]{0,4}+[:=][ \\t]{0,4}+\\\\?[\"']?\\K[A-Za-z0-9._~+/=-]{12,}+",
    /*  passwords: in a URL, assigned, quoted, as an option */
    "://[^\\s/:@\"'<>]{1,64}+:\\K" NO_VALUE "[^\\s/@\"'<>]{3,128}+(?=@)",
    SECRET_NAME "=\\K(?![\"'])" NO_VALUE "[^\\s\"'`,;&)}\\]\\\\]{3,}+",
    SECRET_NAME "(?:\\\\?[\"'])?\\s{0,3}+[:=]\\s{0,3}+\\\\?[\"']\\K" NO_VALUE "[^\"'\\s\\\\]{6,200}+(?=\\\\?[\"'])",
    "--(?:password|passwd|token|api-key|secret)[ =]\\K(?![\"'-])" NO_VALUE WITH_DIGIT "[^\\s\"'`;&|]{6,}+",
    NEW "(?i:token|secret|pwd|pass)=\\K(?![\"'])" NO_VALUE WITH_DIGIT "[A-Za-z0-9._~+/=%-]{8,}+",
};
