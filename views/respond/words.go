package respond

import (
	"harken/ssf"
	"harken/views/ui"
	"harken/views/words"
)

// word is how an answer begins.
func (a Answer) word() string {
	switch a.Word {
	case Yes:
		return "Yes"
	case No:
		return "No"
	case InPart:
		return "In part"
	}
	return "Not known"
}

// class colours an answer: what remains possible is warm, what does not is calm.
func (a Answer) class() string {
	switch a.Word {
	case Yes:
		return "yes"
	case No:
		return "no"
	case InPart:
		return "wait"
	}
	return "dim"
}

// supportWord, supportIcon and supportClass say how far a system can do it.
func supportWord(s Support) string {
	switch s {
	case SupportFull:
		return "Supported"
	case SupportPart:
		return "In part"
	case SupportNone:
		return "Cannot"
	case SupportBroken:
		return "Not usable"
	case SupportWaits:
		return "Earlier run open"
	case SupportDone:
		return "Already so"
	}
	return "Not known"
}

func supportIcon(s Support) string {
	switch s {
	case SupportFull:
		return "person"
	case SupportPart:
		return "partial"
	case SupportBroken:
		return "late"
	case SupportWaits:
		return "doubt"
	case SupportDone:
		return "skipped"
	}
	return "cannot"
}

func supportClass(s Support) string {
	switch s {
	case SupportFull:
		return "can"
	case SupportPart:
		return "is-partial"
	case SupportBroken:
		return "is-failed"
	case SupportWaits:
		return "is-doubt"
	}
	return "is-cannot"
}

// button is what the one button says for a kind: whom it hits is part of it.
func button(k ssf.Kind, person string) string {
	who := ui.VisibleText(person, 40)
	switch k {
	case ssf.KindTerminateSession:
		return "End this session of " + who
	case ssf.KindTerminateSessions:
		return "End all sessions of " + who
	case ssf.KindDisableAccount:
		return "Disable the account of " + who
	case ssf.KindDisableAndTerminate:
		return "Disable " + who + ", then end all sessions"
	case ssf.KindEnableAccount:
		return "Enable " + who + " again"
	}
	return words.Kind(k) + ": " + who
}
