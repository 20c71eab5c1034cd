package console

import "strings"

// named is what people call a browser or system that says mark in its user
// agent.
type named struct{ mark, name string }

// Many name others whom they want to be taken for, so the order counts.
var (
	browsers = []named{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"Vivaldi/", "Vivaldi"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chromium/", "Chromium"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
		{"curl/", "curl"},
	}
	systems = []named{
		{"Windows", "Windows"},
		{"Android", "Android"},
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Mac OS X", "macOS"},
		{"Macintosh", "macOS"},
		{"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	}
)

// browserOf is a user agent in plain words. It is what the browser says of
// itself, and helps people know their own.
func browserOf(agent string) string {
	browser, system := find(browsers, agent), find(systems, agent)
	switch {
	case browser == "" && system == "":
		return "Unknown browser"
	case browser == "":
		return "A browser on " + system
	case system == "":
		return browser
	}
	return browser + " on " + system
}

func find(among []named, agent string) string {
	for _, candidate := range among {
		if strings.Contains(agent, candidate.mark) {
			return candidate.name
		}
	}
	return ""
}
