// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.rseq4j.RseqStatus;

/**
 * What the figures depend on. No names of hosts, users or folders: of the library's status only what cannot have one,
 * so not the reasons, which are for people.
 */
record Machine(String processor, int processors, String jdk, RseqStatus status) {
    static Machine here(RseqStatus status) {
        return new Machine(processorName(), Runtime.getRuntime().availableProcessors(),
                System.getProperty("java.vm.vendor") + " " + Runtime.version(), status);
    }

    private static String processorName() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("model name")).findFirst()
                    .map(line -> line.substring(line.indexOf(':') + 1).trim()).orElse(System.getProperty("os.arch"));
        } catch (IOException e) {
            return System.getProperty("os.arch");
        }
    }

    Map<String, Object> toTree() {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("processor", processor);
        tree.put("processors", processors);
        tree.put("jdk", jdk);
        tree.put("kernel", status.kernel());
        tree.put("libc", status.libc());
        tree.put("arch", status.arch());
        tree.put("registration", status.registration().name());
        tree.put("mode", status.mode().name());
        tree.put("featureSize", status.featureSize());
        tree.put("cpuCount", status.cpuCount());
        tree.put("sliceExtension", status.sliceExtension().name());
        return tree;
    }
}
