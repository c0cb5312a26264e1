! SPDX-License-Identifier: BSD-3-Clause
! pmx over a communicator of Fortran: the even ranks and the odd ranks of a job are two jobs. Prints ok.
program comm
  use mpi_f08
  use pmx
  implicit none
  integer :: world_rank, world_size
  integer(c_int) :: code, rank, size
  type(MPI_Comm) :: half

  call pmx_init_fcomm(MPI_COMM_WORLD%MPI_VAL, code)
  if (code /= PMX_ERR_BOOTSTRAP) error stop "init_fcomm before MPI_Init"
  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, world_rank)
  call MPI_Comm_size(MPI_COMM_WORLD, world_size)
  call MPI_Comm_split(MPI_COMM_WORLD, mod(world_rank, 2), 0, half)
  call pmx_init_fcomm(half%MPI_VAL)
  call pmx_rank(rank)
  call pmx_size(size)
  if (rank /= world_rank / 2 .or. size /= (world_size + 1 - mod(world_rank, 2)) / 2) error stop "not the half"
  call pmx_barrier()
  call pmx_finalize()
  call MPI_Barrier(MPI_COMM_WORLD)
  call MPI_Finalize()
  if (world_rank == 0) print '(a)', "ok"
end program
