// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;

/** Files that only their owner may read and write. */
public final class OwnerOnly {
    private OwnerOnly() {
    }

    /**
     * What to make a file with; nothing where the file system has no such permissions, as on Windows, where folders
     * have.
     */
    public static FileAttribute<?>[] attributes(Path file) {
        return file.getFileSystem().supportedFileAttributeViews().contains("posix")
                ? new FileAttribute<?>[]{
                        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))}
                : new FileAttribute<?>[0];
    }
}
