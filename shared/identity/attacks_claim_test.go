package identity_test

import (
	"encoding/base64"
	"strings"

	"github.com/orcray/orcray/shared/identity"
)

// claimed edits the claims and signs them with the issuer's own key: only the claims are wrong.
func claimed(edits object) attack {
	return func(f *forge) string { return f.mint(f.header(nil), f.claims(edits)) }
}

// spelled replaces text in the honest claims' JSON, for what a marshaller would not write, and signs the result.
func spelled(change func(claims string) string) attack {
	return func(f *forge) string { return f.mint(f.header(nil), change(f.claims(nil))) }
}

// member adds a raw member in front of the honest ones.
func member(text string) attack {
	return spelled(func(claims string) string { return "{" + text + "," + claims[1:] })
}

// rawTime writes a time claim as given.
func rawTime(name, value string) attack {
	return func(f *forge) string {
		claims := f.claims(object{name: absent{}})
		return f.mint(f.header(nil), `{"`+name+`":`+value+`,`+claims[1:])
	}
}

func timeAttacks() map[string]attack {
	ahead := func(name string, seconds int64) attack {
		return func(f *forge) string {
			return f.mint(f.header(nil), f.claims(object{name: f.clock.Now().Unix() + seconds}))
		}
	}
	return map[string]attack{
		"exp missing":         claimed(object{"exp": absent{}}),
		"exp null":            claimed(object{"exp": nil}),
		"exp zero":            claimed(object{"exp": 0}),
		"exp a string":        claimed(object{"exp": "4102444800"}),
		"exp true":            claimed(object{"exp": true}),
		"exp an array":        claimed(object{"exp": []int{4102444800}}),
		"exp negative":        claimed(object{"exp": -1}),
		"exp a fraction":      rawTime("exp", "4102444800.5"),
		"exp an exponent":     rawTime("exp", "4.1e9"),
		"exp a huge exponent": rawTime("exp", "1e308"),
		"exp beyond floats":   rawTime("exp", "1e999999"),
		"exp beyond 64 bits":  rawTime("exp", "99999999999999999999"),
		"exp wraps to now":    rawTime("exp", "18446744073709551615"),
		"exp in milliseconds": rawTime("exp", "4102444800000"),
		"expired an hour ago": func(f *forge) string {
			now := f.clock.Now().Unix()
			return claimed(object{"iat": now - 7200, "exp": now - 3600})(f)
		},
		"expired and reissued": ahead("exp", -61),
		"iat missing":          claimed(object{"iat": absent{}}),
		"iat a string":         claimed(object{"iat": "1"}),
		"iat negative":         claimed(object{"iat": -1}),
		"iat tomorrow":         ahead("iat", 86400),
		"iat after exp":        ahead("iat", 3601),
		"exp before iat, both near": func(f *forge) string {
			now := f.clock.Now().Unix()
			return claimed(object{"iat": now + 30, "exp": now + 20})(f)
		},
		"iat a fraction": rawTime("iat", "1.5"),
		"nbf tomorrow":   ahead("nbf", 86400),
		"nbf a string":   claimed(object{"nbf": "0"}),
		"nbf null":       claimed(object{"nbf": nil}),
		"nbf huge":       rawTime("nbf", "1e300"),
		"nbf negative":   claimed(object{"nbf": -5}),
	}
}

func audienceAttacks() map[string]attack {
	all := map[string]attack{
		"iss missing":         claimed(object{"iss": absent{}}),
		"iss empty":           claimed(object{"iss": ""}),
		"iss another":         claimed(object{"iss": "https://evil.example"}),
		"iss with a slash":    claimed(object{"iss": issuer + "/"}),
		"iss in upper case":   claimed(object{"iss": strings.ToUpper(issuer)}),
		"iss longer":          claimed(object{"iss": issuer + ".evil.example"}),
		"iss an array":        claimed(object{"iss": []string{issuer}}),
		"iss a number":        claimed(object{"iss": 1}),
		"iss with a NUL":      claimed(object{"iss": issuer + "\x00"}),
		"iss of another pool": claimed(object{"iss": strings.Replace(issuer, "orcray", "orcray2", 1)}),
	}
	for name, value := range map[string]any{
		"missing": absent{}, "null": nil, "empty": "", "another": "billing", "longer": audience + "2", "shorter": audience[:3],
		"upper case": strings.ToUpper(audience), "with a blank": audience + " ", "a number": 7, "an object": object{audience: true},
		"an array": []string{audience}, "an array with another": []string{"billing", audience}, "an empty array": []string{},
		"an array of an array": []any{[]string{audience}}, "true": true,
	} {
		all["aud "+name] = func(f *forge) string {
			if f.trust.Dialect == identity.CognitoDialect {
				return f.mint(f.header(nil), f.claims(object{"client_id": value}))
			}
			return f.mint(f.header(nil), f.claims(object{"aud": value}))
		}
	}
	return all
}

func subjectAttacks() map[string]attack {
	all := map[string]attack{}
	for name, value := range map[string]any{
		"missing": absent{}, "null": nil, "empty": "", "a number": 1, "an array": []string{"u1"}, "an object": object{"id": "u1"},
		"a path": "../admin", "another key": "u1#ADMIN", "with a NUL": "u1\x00", "with a line break": "u1\nu2", "blank": " ",
		"too long": strings.Repeat("u", 129), "other script": "аdmin", "true": true,
	} {
		all["sub "+name] = claimed(object{"sub": value})
	}
	return all
}

func useAttacks() map[string]attack {
	return map[string]attack{
		"an id token":         claimed(object{"token_use": "id"}),
		"a refresh token":     claimed(object{"token_use": "refresh"}),
		"token use missing":   claimed(object{"token_use": absent{}}),
		"token use null":      claimed(object{"token_use": nil}),
		"token use an array":  claimed(object{"token_use": []string{"access"}}),
		"token use in capita": claimed(object{"token_use": "ACCESS"}),
		"an OpenID id token":  claimed(object{"token_use": absent{}, "nonce": "n", "at_hash": "h", "email_verified": true}),
	}
}

// localAttacks spoil what only our own issuer writes.
func localAttacks() map[string]attack {
	all := map[string]attack{}
	for name, edits := range map[string]object{
		"role missing": {"role": absent{}}, "role root": {"role": "root"}, "role in capitals": {"role": "ADMIN"},
		"role an array": {"role": []string{"admin"}}, "email missing": {"email": absent{}}, "email an array": {"email": []string{"a@b.c"}},
		"generation missing": {"gen": absent{}}, "generation a string": {"gen": "1"}, "generation negative": {"gen": -1},
		"generation a fraction": {"gen": 1.5},
	} {
		all[name] = func(f *forge) string {
			if f.trust.Dialect != identity.LocalDialect {
				return ""
			}
			return claimed(edits)(f)
		}
	}
	for name, typ := range map[string]any{"missing": absent{}, "JWT": "JWT", "upper case": "AT+JWT", "long": "application/at+jwt"} {
		all["typ "+name] = func(f *forge) string {
			if f.trust.Dialect != identity.LocalDialect {
				return ""
			}
			return signed(object{"typ": typ})(f)
		}
	}
	return all
}

func cognitoAttacks() map[string]attack {
	return map[string]attack{
		"aud in place of the client": func(f *forge) string {
			if f.trust.Dialect != identity.CognitoDialect {
				return ""
			}
			return claimed(object{"client_id": absent{}, "aud": audience})(f)
		},
		"our own type from Cognito": func(f *forge) string {
			if f.trust.Dialect != identity.CognitoDialect {
				return ""
			}
			return signed(object{"typ": "at+jwt"})(f)
		},
	}
}

func jsonAttacks() map[string]attack {
	deep := strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500)
	return map[string]attack{
		"sub twice":               member(`"sub":"admin"`),
		"sub twice, escaped":      member(`"\u0073ub":"admin"`),
		"exp twice":               member(`"exp":4102444800`),
		"iss twice":               member(`"iss":"https://evil.example"`),
		"a nested name twice":     member(`"x":{"a":1,"a":2}`),
		"a name twice in a list":  member(`"x":[{"a":1,"a":2}]`),
		"claims deep":             member(`"x":` + deep),
		"claims a deep list":      member(`"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000)),
		"claims not UTF-8":        member("\"x\":\"\xff\xfe\""),
		"a name not UTF-8":        member("\"\xc0\xaf\":1"),
		"claims overlong UTF-8":   member("\"x\":\"\xc1\xa1\""),
		"claims with a BOM":       spelled(func(c string) string { return "\ufeff" + c }),
		"bytes after the claims":  spelled(func(c string) string { return c + "{}" }),
		"a NUL after the claims":  spelled(func(c string) string { return c + "\x00" }),
		"claims cut off":          spelled(func(c string) string { return c[:len(c)-1] }),
		"claims in a list":        spelled(func(c string) string { return "[" + c + "]" }),
		"claims a string":         spelled(func(string) string { return `"claims"` }),
		"claims null":             spelled(func(string) string { return "null" }),
		"claims empty":            spelled(func(string) string { return "{}" }),
		"claims of nothing":       spelled(func(string) string { return "" }),
		"claims with a comment":   spelled(func(c string) string { return "/**/" + c }),
		"claims, trailing comma":  spelled(func(c string) string { return c[:len(c)-1] + ",}" }),
		"claims in UTF-16":        spelled(func(c string) string { return strings.Join(strings.Split(c, ""), "\x00") + "\x00" }),
		"alg twice":               func(f *forge) string { return f.mint(`{"alg":"none",`+f.header(nil)[1:], f.claims(nil)) },
		"alg twice, other way":    func(f *forge) string { h := f.header(nil); return f.mint(h[:len(h)-1]+`,"alg":"none"}`, f.claims(nil)) },
		"kid twice":               func(f *forge) string { return f.mint(`{"kid":"key-2",`+f.header(nil)[1:], f.claims(nil)) },
		"alg in capitals as well": func(f *forge) string { return f.mint(`{"ALG":"none",`+f.header(nil)[1:], f.claims(nil)) },
		"header deep":             func(f *forge) string { return f.mint(`{"kid":`+deep+`}`, f.claims(nil)) },
		"header not UTF-8":        func(f *forge) string { return f.mint("{\"typ\":\"\xff\","+f.header(nil)[1:], f.claims(nil)) },
		"header null":             func(f *forge) string { return f.mint("null", f.claims(nil)) },
		"header a list":           func(f *forge) string { return f.mint("["+f.header(nil)+"]", f.claims(nil)) },
		"bytes after the header":  func(f *forge) string { return f.mint(f.header(nil)+"x", f.claims(nil)) },
	}
}

// formAttacks write an honest token in another way.
func formAttacks() map[string]attack {
	rewritten := func(change func(string) string) attack {
		return func(f *forge) string { return change(f.honest()) }
	}
	segment := func(i int, change func(string) string) attack {
		return rewritten(func(token string) string {
			parts := strings.Split(token, ".")
			parts[i] = change(parts[i])
			return strings.Join(parts, ".")
		})
	}
	return map[string]attack{
		"nothing":            rewritten(func(string) string { return "" }),
		"only dots":          rewritten(func(string) string { return ".." }),
		"one segment":        rewritten(func(t string) string { return strings.Split(t, ".")[0] }),
		"two segments":       rewritten(func(t string) string { return t[:strings.LastIndex(t, ".")] }),
		"four segments":      rewritten(func(t string) string { return t + ".e30" }),
		"a dot in front":     rewritten(func(t string) string { return "." + t }),
		"a dot at the end":   rewritten(func(t string) string { return t + "." }),
		"a JWE":              rewritten(func(t string) string { return encode(`{"alg":"dir","enc":"A256GCM"}`) + "..aXY.Y2lwaGVy.dGFn" }),
		"a JWE of the token": rewritten(func(t string) string { return t + ".dGFn.dGFn" }),
		"JSON serialisation": rewritten(func(t string) string {
			p := strings.Split(t, ".")
			return `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`
		}),
		"the scheme with it":   rewritten(func(t string) string { return "Bearer " + t }),
		"a megabyte":           func(f *forge) string { return f.mint(f.header(nil), f.claims(object{"x": strings.Repeat("x", 1<<20)})) },
		"just over the limit":  func(f *forge) string { return f.mint(f.header(nil), f.claims(object{"x": strings.Repeat("x", 6<<10)})) },
		"a megabyte of dots":   rewritten(func(string) string { return strings.Repeat(".", 1<<20) }),
		"blank in front":       rewritten(func(t string) string { return " " + t }),
		"blank at the end":     rewritten(func(t string) string { return t + " " }),
		"line break at end":    rewritten(func(t string) string { return t + "\n" }),
		"line break inside":    segment(2, func(s string) string { return s[:8] + "\r\n" + s[8:] }),
		"line break in claims": segment(1, func(s string) string { return s[:8] + "\n" + s[8:] }),
		"NUL at the end":       rewritten(func(t string) string { return t + "\x00" }),
		"padding":              segment(2, func(s string) string { return s + "==" }),
		"padding in the head":  segment(0, func(s string) string { return s + "=" }),
		"standard alphabet":    segment(2, func(s string) string { return "+/" + s[2:] }),
		"percent encoding":     segment(2, func(s string) string { return "%41" + s[1:] }),
		"loose trailing bits":  segment(2, looseBits),
		"full-width dots":      rewritten(func(t string) string { return strings.ReplaceAll(t, ".", "．") }),
		"invalid UTF-8":        rewritten(func(t string) string { return t + "\xff" }),
	}
}

// looseBits changes the last letter so that a lax decoder reads the same bytes: 64 and 256 bytes leave bits unused.
func looseBits(segment string) string {
	want, _ := base64.RawURLEncoding.DecodeString(segment)
	for _, letter := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		other := segment[:len(segment)-1] + string(letter)
		if got, err := base64.RawURLEncoding.DecodeString(other); other != segment && err == nil && string(got) == string(want) {
			return other
		}
	}
	return segment + "A"
}
