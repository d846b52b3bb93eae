package hotkey

// MaxLabels is how many names get a label of their own. Labels are never removed, and a
// producer chooses the keys.
const MaxLabels = 100

// OtherLabel stands for all other names.
const OtherLabel = "other"

// Labels bounds the values of a metric's label over the life of a process. The zero value
// is ready. It is not safe for concurrent use.
type Labels struct {
	shown map[string]float64 // value by label
}

// Show sets the values of hot keys, and to 0 those of keys that were hot. Of names without
// a label of their own it shows the largest value.
func (l *Labels) Show(hot []Hot, value func(Hot) float64, set func(label string, value float64)) {
	now := make(map[string]float64, len(hot))
	for _, h := range hot {
		v := value(h)
		if v == 0 {
			continue
		}
		label := h.Name()
		if _, known := l.shown[label]; !known && !l.room() {
			label = OtherLabel
		} else if !known {
			l.note(label)
		}
		now[label] = max(now[label], v)
	}
	for label := range now {
		l.note(label)
	}
	for label, before := range l.shown {
		if v := now[label]; v != 0 || before != 0 {
			l.shown[label] = v
			set(label, v)
		}
	}
}

// room reports whether another name can have a label. One is reserved for OtherLabel.
func (l *Labels) room() bool { return len(l.shown) < MaxLabels }

func (l *Labels) note(label string) {
	if l.shown == nil {
		l.shown = map[string]float64{}
	}
	if _, known := l.shown[label]; !known {
		l.shown[label] = 0
	}
}
