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

/*  White space in a key block, also as it is escaped in JSON, and what may stand
    before a line of it: a number, as editors and readers show files, a diff's sign. */
#define KEY_MARGIN "(?:[0-9]{1,6}(?:\xe2\x86\x92|\\t|\\\\t|[:|])|[+>|-](?!-{4}))?+[ \\t]*+"
#define KEY_SPACE "(?:\\s|\\\\[nrt])*+" KEY_MARGIN
#define KEY_LABEL "(?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----"

#define KEY_HEADER "[A-Z][A-Za-z-]{2,30}+: [^\\n\\\\]{0,200}+"

/*  Names of what is worth hiding, and values that are none: other names of the
    same thing, references, calls, types, placeholders. */
#define SECRET_NAME "(?i:pass(?:word|wd|phrase)|secret[_-]?key(?:_base)?|api[_-]?key|access[_-]?key|auth[_-]?token" \
    "|access[_-]?token|refresh[_-]?token|session[_-]?token|client[_-]?secret|private[_-]?token)"
#define NO_VALUE "(?![$<{(\\[*%]|[A-Za-z_.]{0,64}+\\(|[A-Za-z_$][A-Za-z0-9_$]{0,20}+\\.[A-Za-z_$]" \
    "|[A-Za-z_]{1,64}+[,)\\[\\]]|(?i:x{3}|your[_-])" \
    "|(?i:none|null|true|false|undefined|string|required|example|" SECRET_NAME ")\\b)"
/*  Of these a value counts that is long and no path: a key may also be a file's. */
#define KEY_NAME "(?i:(?:private|encryption|signing|master|account|license|auth|role|storage|deploy)[_-]?key)"
#define NO_FILE "(?![~./]|[^\\s\"']{0,200}?\\.(?:pem|key|crt|cer|p12|pfx|pub|json|ya?ml)\\b)"
/*  Names that are often harmless: their value must look like a token. */
#define TOKEN_NAME "(?i:token|secret|pwd|pass)"
/*  At least one digit near its beginning, as prose has not. */
#define WITH_DIGIT "(?=[^\\s0-9]{0,64}+[0-9])"
/*  Between a name and its quoted value, also as it is escaped in JSON. */
#define TO_QUOTED "(?:\\\\?[\"'])?\\s{0,3}+[:=]\\s{0,3}+\\\\?[\"']"
#define QUOTE_FOLLOWS "(?=\\\\?[\"'])"
#define LINE_ENDS "(?=[ \\t]{0,8}+(?:[\\r\\n]|\\\\[rn]|\\z))"

/*  These begin at a word's beginning. */
static const char *const s_word_rules[] = {
    /*  age */
    "AGE-SECRET-KEY-1[A-Z0-9]{50,}+",
    /*  Anthropic, OpenAI and what follows their form; xAI, Perplexity, Groq, Replicate */
    "sk-ant-[A-Za-z0-9_-]{16,}+",
    "sk-(?:proj|svcacct|admin|or|live|test)-[A-Za-z0-9_-]{20,}+",
    "sk-[A-Za-z0-9]{20,}+",
    "(?:xai-|pplx-|gsk_|r8_)" WITH_DIGIT "[A-Za-z0-9]{30,}+",
    /*  GitHub, GitLab, Bitbucket and Jira */
    "gh[pousr]_[A-Za-z0-9]{20,}+",
    "github_pat_[A-Za-z0-9_]{20,}+",
    "gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_.-]{16,}+",
    "AT(?:ATT|CTT|BB)[A-Za-z0-9_=-]{28,}+",
    /*  Slack */
    "xox[abcdeoprs]-" WITH_DIGIT "[A-Za-z0-9-]{10,}+",
    "xapp-[0-9]-[A-Za-z0-9-]{10,}+",
    /*  AWS, Google */
    "A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}+(?![A-Za-z0-9])",
    "AIza[A-Za-z0-9_-]{30,}+",
    "ya29\\.[A-Za-z0-9_-]{20,}+",
    "1//0[A-Za-z0-9_-]{30,}+",
    "GOCSPX-[A-Za-z0-9_-]{20,}+",
    /*  Stripe, npm, PyPI, Hugging Face, SendGrid, Twilio */
    "[sr]k_(?:live|test)_[A-Za-z0-9]{10,}+",
    "whsec_[A-Za-z0-9+/=]{16,}+",
    "npm_[A-Za-z0-9]{30,}+",
    "pypi-[A-Za-z0-9_-]{40,}+",
    "hf_[A-Za-z0-9]{30,}+",
    "SG\\.[A-Za-z0-9_-]{16,}+\\.[A-Za-z0-9_-]{16,}+",
    "SK[0-9a-f]{32}(?![A-Za-z0-9])",
    /*  DigitalOcean, Shopify, Linear, Notion, Sentry, Grafana, Figma, PlanetScale, Supabase, Docker, Databricks,
        Tailscale, Vault, Doppler, Postman, New Relic */
    "(?:do[por]_v1|shp(?:at|ss|ca|pa)|lin_api|ntn|sntry[su]|gl(?:sa|c)|figd|pscale_(?:tkn|pw|oauth)|sbp|dckr_pat)_"
        WITH_DIGIT "[A-Za-z0-9_-]{24,}+",
    "dapi[0-9a-f]{32}(?![A-Za-z0-9])",
    "tskey-[a-z]{3,8}-[A-Za-z0-9-]{16,}+",
    "hv[sbr]\\.[A-Za-z0-9_-]{24,}+",
    "dp\\.[a-z]{2,5}\\.[A-Za-z0-9._-]{24,}+",
    "PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    "NRAK-[A-Z0-9]{20,}+",
    /*  headers */
    "(?i:bearer)[ \\t]{1,8}+\\K" WITH_DIGIT "[A-Za-z0-9._~+/-]{16,}+=*+",
    "(?i:authorization)\\\\?[\"']?[ \\t]{0,4}+[:=][ \\t]{0,4}+\\\\?[\"']?(?i:basic|token|apikey)[ \\t]{1,8}+"
        "\\K[A-Za-z0-9._~+/=-]{8,}+",
    "(?i:x-(?:api|auth)-key|(?:x-(?:auth|access|vault|gitlab)|private|job|deploy|circle)-token|x-amz-security-token)"
        "\\\\?[\"']?[ \\t]{0,4}+[:=][ \\t]{0,4}+\\\\?[\"']?\\K" NO_VALUE WITH_DIGIT "[A-Za-z0-9._~+/=-]{12,}+",
    "(?i:(?:set-)?cookie)\\\\?[\"']?:[ \\t]{0,2}+\\\\?[\"']?[^\\s=;\"']{1,64}+=\\K" WITH_DIGIT "[A-Za-z0-9%._~+/-]{20,}+",
    /*  assigned, quoted, as an option, in SQL, in a netrc file */
    KEY_NAME "(?:\\\\?[\"'])?[ \\t]{0,3}+[:=][ \\t]{0,3}+\\\\?[\"']?\\K" NO_VALUE NO_FILE WITH_DIGIT
        "[A-Za-z0-9+/_.-]{24,}+=*+",
    TOKEN_NAME "=\\K(?![\"'])" NO_VALUE WITH_DIGIT "[A-Za-z0-9._~+/=%:-]{8,}+",
    TOKEN_NAME TO_QUOTED "\\K" NO_VALUE WITH_DIGIT "[A-Za-z0-9._~+=:-][A-Za-z0-9._~+/=:-]{15,200}+" QUOTE_FOLLOWS,
    "(?:curl|wget)\\b[^\\r\\n|;&]{0,100}?[ \\t](?:-u|--user)[ =][\"']?[^\\s:\"']{1,40}+:\\K" NO_VALUE
        "[^\\s\"']{3,64}+",
    "sshpass -p[ ]?[\"']?\\K" NO_VALUE "[^\\s\"']{3,64}+",
    "docker login\\b[^\\r\\n|;&]{0,100}?[ \\t]-p[ ]?[\"']?\\K" NO_VALUE "[^\\s\"'-][^\\s\"']{2,64}+",
    "(?i:password[ \\t]{1,3}+|identified[ \\t]{1,3}+by[ \\t]{1,3}+)'\\K" NO_VALUE WITH_DIGIT "[^'\\s\\\\]{4,128}+(?=')",
    "login[ \\t]{1,4}+[^\\s]{1,64}+[ \\t]{1,4}+password[ \\t]{1,4}+\\K" NO_VALUE "[^\\s]{4,128}+",
};

/*  These anywhere, or where they say. */
static const char *const s_rules[] = {
    /*  private keys: header lines and base64, up to the end line or the end */
    "-----BEGIN " KEY_LABEL "(?:(?:" KEY_SPACE "(?:[A-Za-z0-9+/=]{16,}+|" KEY_HEADER "))++"
        "(?:" KEY_SPACE "[A-Za-z0-9+/=]{1,15}+(?=" KEY_SPACE "(?:-----END|\\z)))?+"
        "(?:" KEY_SPACE "(?:-----END " KEY_LABEL "|\\z))?+|" KEY_SPACE "\\z)",
    /*  the same in base64 (as in a kubeconfig), PuTTY's */
    "LS0tLS1CRUdJTi[A-Za-z0-9+/]{0,24}?(?:UFJJVkFUR|BSSVZBVE|QUklWQVRF)[A-Za-z0-9+/]{20,}+=*+",
    "Private-Lines: [0-9]{1,4}\\K(?:" KEY_SPACE "[A-Za-z0-9+/=]{16,}+)++",
    /*  in URLs: of Slack's hooks, of Telegram's bots */
    "hooks\\.slack\\.com/services/\\K[A-Za-z0-9/_-]{20,}+",
    "/bot\\K[0-9]{8,10}:[A-Za-z0-9_-]{30,}+",
    /*  JSON Web Tokens */
    "(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\\.[A-Za-z0-9_-]{8,}+\\.[A-Za-z0-9_-]{8,}+",
    /*  passwords: in a URL, assigned, quoted, as an option */
    "://[^\\s/:@\"'<>]{0,64}+:\\K" NO_VALUE "[^\\s/@\"'<>]{3,128}+(?=@)",
    "(?<![^\n])(?:export |ENV )?+[A-Z][A-Z0-9_]{0,40}?(?:PASSWORD|PASSWD|PASSPHRASE|_PASS|_PWD)=\\K(?![\"'])" NO_VALUE
        "[^\\s\"'`\\\\]{3,}+",
    SECRET_NAME "(?:=\\K(?![\"'])" NO_VALUE "[^\\s\"'`,;&)}\\]\\\\]{3,}+"
        "|" TO_QUOTED "\\K" NO_VALUE "[^\"'\\s\\\\]{6,200}+" QUOTE_FOLLOWS
        "|(?:\\\\?[\"'])?[ \\t]{0,3}+[:=][ \\t]{1,3}+\\K(?![\"'])" NO_VALUE WITH_DIGIT
        "[^\\s\"'`,;(){}\\[\\]<>|\\\\]{6,200}+" LINE_ENDS ")",
    "--(?:password|passwd|token|api-key|secret)[ =]\\K(?![\"'-])" NO_VALUE WITH_DIGIT "[^\\s\"'`;&|]{6,}+",
};
