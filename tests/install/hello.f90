! SPDX-License-Identifier: BSD-3-Clause
! An installed pmx from Fortran: one rank, the symmetric heap, and a signal to itself.
program hello
  use pmx
  implicit none
  integer(c_int) :: rank, size
  integer(c_int64_t), pointer :: word
  integer(c_int64_t) :: seen
  type(c_ptr) :: word_sym
  character(:), allocatable :: version

  call pmx_version(version)
  call pmx_init()
  call pmx_rank(rank)
  call pmx_size(size)
  call pmx_calloc(1_c_size_t, 8_c_size_t, word_sym)
  call c_f_pointer(word_sym, word)
  call pmx_signal_add(PMX_CTX_DEFAULT, word, 3_c_int64_t, rank)
  call pmx_signal_wait(PMX_CTX_DEFAULT, word, PMX_CMP_EQ, 3_c_int64_t, rank, 0_c_int64_t, seen)
  call pmx_free(word_sym)
  call pmx_finalize()
  print '(3a,i0,a,i0,a,i0)', "pmx ", version, " rank ", rank, " of ", size, " saw ", seen
end program
