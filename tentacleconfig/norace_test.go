//go:build !race

package tentacleconfig

const raceDetector = false
