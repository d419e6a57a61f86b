// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.rseq4j.SliceExtension;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Memory;
import org.rseq4j.internal.thread.ThreadArea;

/**
 * A program: a loop gets hot in sections that are never interrupted; then come, as the kernel would write them, a grant
 * and a section that was scheduled out. Prints what of the loop's compiled code was thrown away then, by the Flight
 * Recorder.
 */
final class FirstGrant {
    private static long sum;

    private FirstGrant() {
    }

    public static void main(String[] arguments) throws Exception {
        SliceExtension.begin();
        SectionTraining.await();
        long area = ThreadArea.find();
        for (int i = 0; i < 50_000; i++) {
            hot(area, 1, 0);
        }
        Path file = Files.createTempFile("grant", ".jfr");
        try (var recording = new Recording()) {
            recording.enable("jdk.Deoptimization").withStackTrace();
            recording.start();
            for (int i = 0; i < 100; i++) {
                hot(area, 0, i & 1);
            }
            recording.stop();
            recording.dump(file);
            List<RecordedEvent> events = RecordingFile.readAllEvents(file);
            long ours = events.stream().filter(FirstGrant::isOurs).count();
            System.out.println("deoptimised: " + ours);
            events.stream().filter(FirstGrant::isOurs).forEach(System.out::println);
            System.out.println("statistics: " + SliceExtension.statistics() + ", sum " + sum);
        } finally {
            Files.delete(file);
        }
        System.exit(0);
    }

    private static boolean isOurs(RecordedEvent event) {
        return event.getStackTrace() != null && event.getStackTrace().getFrames().stream()
                .anyMatch(
                        frame -> frame.getMethod().getType().getName().startsWith("org.rseq4j.internal.section.Section")
                                || frame.getMethod().getName().equals("hot"));
    }

    /** A thousand sections; in one of them the area becomes what is told. */
    private static void hot(long area, int request, int granted) {
        for (int i = 0; i < 1000; i++) {
            long section = SliceExtension.begin();
            sum += i;
            if (i == 500) {
                write(area, request, granted);
            }
            SliceExtension.end(section);
            if (i == 500) {
                write(area, 0, 0);
            }
        }
    }

    private static void write(long area, int request, int granted) {
        Memory.setByteOpaque(area + Abi.SLICE_REQUEST, (byte) request);
        Memory.setByteOpaque(area + Abi.SLICE_GRANTED, (byte) granted);
    }
}
