// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Memory;
import org.rseq4j.internal.linux.NativeLibrary;

/** What the Flight Recorder is told of sections, on a simulated area. */
@Tag("platform")
class SectionEventsTest {
    @Test
    void onlyInterruptedSectionsAreRecordedAndOnlyWhenAskedFor(@TempDir Path folder) throws Exception {
        assumeTrue(NativeLibrary.isAvailable(), "needs absolute memory, so the native library");
        assertEquals(List.of(), record(folder.resolve("default.jfr"), false));
        List<RecordedEvent> events = record(folder.resolve("asked.jfr"), true);
        // The kernel knows of no grant here, so a yield does not give one back in time.
        assertEquals(List.of("interrupted", "revoked"), events.stream().map(e -> e.getString("outcome")).toList());
        for (RecordedEvent event : events) {
            assertTrue(event.getStackTrace().getFrames().stream()
                    .anyMatch(
                            frame -> frame.getMethod().getType().getName().equals(SectionEventsTest.class.getName())));
        }
    }

    private static List<RecordedEvent> record(Path file, boolean asked) throws Exception {
        try (var recording = new Recording()) {
            if (asked) {
                recording.enable("org.rseq4j.Section").withStackTrace();
            }
            recording.start();
            ByteBuffer memory = ByteBuffer.allocateDirect(320).alignedSlice(64);
            long record = Memory.address(memory);
            long area = record + Abi.RECORD_SIZE;
            Section.prepare(record, area);
            section(record, area, 1, 0); // never interrupted
            section(record, area, 0, 0);
            section(record, area, 0, 1);
            Reference.reachabilityFence(memory);
            recording.stop();
            recording.dump(file);
        }
        return RecordingFile.readAllEvents(file).stream()
                .filter(event -> event.getEventType().getName().equals("org.rseq4j.Section")).toList();
    }

    private static void section(long record, long area, int request, int granted) {
        long section = Section.open(record);
        Memory.setByteOpaque(area + Abi.SLICE_REQUEST, (byte) request);
        Memory.setByteOpaque(area + Abi.SLICE_GRANTED, (byte) granted);
        Section.close(section, record);
        Memory.setByteOpaque(area + Abi.SLICE_GRANTED, (byte) 0);
    }
}
