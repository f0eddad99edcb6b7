//go:build !race && linux

package tentacleconfig

const raceDetector = false
